"""The status codes of gRPC, and which one stands for which error. Apart from any transport."""

import logging
from enum import IntEnum

from inference_service.errors import (
    CannotBeInTime,
    InvalidRequest,
    ModelNotServing,
)
from protos.errors import EdgeAssetsError, NotFound, Unavailable

log = logging.getLogger(__name__)

INTERNAL_TEXT = "the service failed on this request; its log tells why"


class Code(IntEnum):
    """The status codes of gRPC (grpc/doc/statuscodes.md)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_CODES: list[tuple[type[EdgeAssetsError], Code]] = [
    (InvalidRequest, Code.INVALID_ARGUMENT),
    (NotFound, Code.NOT_FOUND),
    (ModelNotServing, Code.FAILED_PRECONDITION),
    (CannotBeInTime, Code.DEADLINE_EXCEEDED),
    (Unavailable, Code.RESOURCE_EXHAUSTED),
]


def code_of(error: EdgeAssetsError) -> Code:
    """The status that stands for `error`."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return Code.INTERNAL


def status_of(error: Exception) -> tuple[Code, str]:
    """Code and text for the client. What is no error of ours is logged, and its text kept here."""
    if isinstance(error, EdgeAssetsError):
        return code_of(error), str(error)
    log.error("a request failed", exc_info=error)
    return Code.INTERNAL, INTERNAL_TEXT
