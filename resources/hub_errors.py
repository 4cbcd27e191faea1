"""Turns errors of the IoT Hub SDK into those of the one error tree, with a remedy each.

Nothing of a request reaches the message: it carries the hub's answer only, cut to a line.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from protos.errors import (
    ConfigurationError,
    DeadlineExceeded,
    EdgeAssetsError,
    NotFound,
    Unavailable,
)

_LONGEST_ANSWER = 300

# Codes of a 404 of a direct method that mean "not connected", not "does not exist".
# https://learn.microsoft.com/azure/iot-hub/troubleshoot-error-codes
_NOT_ONLINE = ("404103", "DeviceNotOnline")


def _answer(body: str) -> str:
    """The hub's own words in `body`, on one line."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        body = str(parsed.get("Message") or parsed.get("message") or body)
    return " ".join(body.split())[:_LONGEST_ANSWER]


def error_of_status(what: str, status: int, body: str = "") -> EdgeAssetsError:
    """The error for an HTTP `status` that the hub answered while `what` was tried."""
    answer = _answer(body)
    why = f"the hub answered {status}" + (f" ({answer})" if answer else "")
    if status in (401, 403):
        return ConfigurationError(
            what,
            why=why,
            remedy="check EDGE_HUB_CONNECTION_STRING: its key, its policy's rights, this clock",
        )
    if status == 404 and any(code in answer for code in _NOT_ONLINE):
        return Unavailable(what, why=why, remedy="wait until the device is connected, or start it")
    if status == 404:
        return NotFound(what, why=why, remedy="see `edgectl fleet list` for what is there")
    if status in (408, 504):
        return DeadlineExceeded(what, why=why, remedy="look at the module's log on the device")
    if status in (409, 412):
        return Unavailable(what, why=why, remedy="somebody else changed it meanwhile: try again")
    if status == 413 or 400 <= status < 429:
        return ConfigurationError(what, why=why, remedy="correct what was sent; nothing was done")
    if status == 429:
        return Unavailable(
            what, why=why, remedy="wait a minute, ask less often, or add units to the hub"
        )
    return Unavailable(what, why=why, remedy="try again; `edgectl doctor` looks at the hub")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Runs calls of the SDK; `what` says, in one clause, what did not work if it does not."""
    from msrest.exceptions import ClientException, HttpOperationError

    try:
        yield
    except HttpOperationError as error:
        raise error_of_status(what, error.response.status_code, error.response.text) from None
    except ClientException as error:
        inner = repr(error)
        if "CERTIFICATE_VERIFY_FAILED" in inner or "SSLError" in inner:
            raise ConfigurationError(
                what,
                why="the hub's certificate is not trusted",
                remedy="let EDGE_HUB_CA name the hub's own ca.pem; leave it unset in Azure",
            ) from None
        raise Unavailable(
            what,
            why="no connection to the hub",
            remedy="start it with `edgectl up`, or check EDGE_HUB_CONNECTION_STRING",
        ) from None
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            what,
            why=f"the hub client could not be used ({type(error).__name__})",
            remedy="check EDGE_HUB_CONNECTION_STRING and EDGE_HUB_CA",
        ) from None
