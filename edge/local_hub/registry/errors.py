"""Errors of the registry, in the OCI distribution format."""

from starlette.responses import JSONResponse


class RegistryError(Exception):
    """A request that the registry refuses: HTTP status, OCI error code, and the reason.

    `headers` go with the answer (a challenge, a range).
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def response(self) -> JSONResponse:
        """The answer to the client."""
        error = {"code": self.code, "message": self.message, "detail": {}}
        return JSONResponse({"errors": [error]}, self.status, self.headers)


def blob_unknown(digest: str) -> RegistryError:
    """404 for a blob."""
    return RegistryError(404, "BLOB_UNKNOWN", f"this repository has no blob {digest[:80]}")


def manifest_unknown(reference: str) -> RegistryError:
    """404 for a manifest."""
    return RegistryError(404, "MANIFEST_UNKNOWN", f"no manifest {reference[:140]} here")


def upload_unknown() -> RegistryError:
    """404 for an upload."""
    return RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")


def digest_invalid(message: str) -> RegistryError:
    """400: the content does not have the digest, or the digest is none."""
    return RegistryError(400, "DIGEST_INVALID", message)


def too_large(limit: int) -> RegistryError:
    """413: more than the registry takes."""
    return RegistryError(413, "SIZE_INVALID", f"larger than {limit} bytes")
