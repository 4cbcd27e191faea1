"""What `contract.proto` says of a field: the options of `protos/contract.proto`, read once."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet

from protos import contract_pb2 as options
from protos.errors import ConfigurationError

_OURS = range(57210, 57240)
_OF_REQUESTS = (
    options.input,
    options.default,
    options.minimum,
    options.maximum,
    options.allowed,
    options.on_violation,
)
_OF_ANSWERS = (options.output, options.warnings, options.errors)


@dataclass(frozen=True)
class Terms:
    """The options of one field; None, empty or False where the contract is silent."""

    input: str | None
    output: str | None
    column: int | None
    default: str | None
    minimum: float | None
    maximum: float | None
    allowed: tuple[str, ...]
    warn: bool
    non_finite: bool
    warnings: bool
    errors: bool


def terms_of(field: FieldDescriptor, *, request: bool) -> Terms:
    """What the contract says of `field`, a field of a request or of an answer.

    Raises ConfigurationError for an option that this service does not know, or that means nothing
    on this side: a condition that nobody checks is worse than none.
    """
    told: Any = field.GetOptions()
    unknown: Any = UnknownFieldSet(told)
    for entry in unknown:
        if entry.field_number in _OURS:
            raise misfit(
                f"field {field.full_name} has option {entry.field_number}",
                "this service does not know it",
                remedy="deploy a newer service, or build the contract without the option",
            )
    given = {option.full_name for option, _ in told.ListFields()}
    for option in _OF_ANSWERS if request else _OF_REQUESTS:
        if option.full_name in given:
            side = "a request" if request else "an answer"
            raise misfit(
                f"field {field.full_name} has the option {option.name}",
                f"it means nothing in {side}",
            )

    def read(option: Any) -> Any:
        return told.Extensions[option] if told.HasExtension(option) else None

    return Terms(
        input=read(options.input),
        output=read(options.output),
        column=read(options.column),
        default=read(options.default),
        minimum=read(options.minimum),
        maximum=read(options.maximum),
        allowed=tuple(told.Extensions[options.allowed]),
        warn=read(options.on_violation) == options.WARN,
        non_finite=bool(read(options.non_finite)),
        warnings=bool(read(options.warnings)),
        errors=bool(read(options.errors)),
    )


def misfit(
    what: str, why: str, *, remedy: str = "mend contract.proto and build the model folder again"
) -> ConfigurationError:
    """The error of a contract that does not fit its model, or that cannot be served."""
    return ConfigurationError(f"contract: {what}", why=why, remedy=remedy)
