"""What can go wrong with a request, apart from any transport.

    EdgeAssetsError
    ├── InvalidRequest          the request does not fit the model: names the field, got, expected
    ├── ModelFailed             the model itself failed on a valid request
    ├── NotFound
    │   └── UnknownModel        no model of this name and version is served here
    └── Unavailable             the service is at its limit
        ├── CannotBeInTime      the answer would come after the deadline
        └── ModelNotServing     the model of this name was refused at load

Each text goes to the client as it is: none may hold a path, a trace or a value of the environment.
"""

from protos.errors import EdgeAssetsError, NotFound, Unavailable


class InvalidRequest(EdgeAssetsError):
    """The request does not fit the model."""


class ModelFailed(EdgeAssetsError):
    """The model failed on a request that fits it."""


class UnknownModel(NotFound):
    """No model of this name and version is served here."""


class ModelNotServing(Unavailable):
    """The model was refused when it was loaded; asking again does not help."""


class CannotBeInTime(Unavailable):
    """The answer would come after the deadline of the request, so it is not begun."""


def answer_too_large(size: int, largest: int) -> Unavailable:
    """The error for an answer of `size` octets where `largest` may be sent."""
    return Unavailable(
        "the answer is too large",
        why=f"it has {size} bytes, at most {largest} are sent",
        remedy="ask for fewer rows or outputs at once, or raise INFERENCE_MAX_MESSAGE_BYTES",
    )


def quoted(text: str, limit: int = 80) -> str:
    """`text` of a client for an error message: quoted, escaped, and cut to `limit` characters."""
    return repr(text if len(text) <= limit else text[:limit] + "…")
