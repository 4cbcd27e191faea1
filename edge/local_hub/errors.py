"""Errors of the hub's REST API, with the codes and the body of the real service."""

import json
import secrets
from datetime import UTC, datetime


class HubError(Exception):
    """A request that the hub refuses.

    `status` is the HTTP status, `code` IoT Hub's error code (a word such as `DeviceNotFound`),
    `message` tells the reason. The message goes to the client: no secrets in it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def body(self) -> dict[str, str]:
        """The JSON body that the real hub answers with."""
        return {
            "Message": f"ErrorCode:{self.code};{self.message}",
            "ExceptionMessage": f"Tracking ID:{_tracking_id()}",
        }


class MethodError(HubError):
    """A direct method that could not be delivered (404103) or was not answered (504101).

    Its body is JSON inside JSON, as the real hub sends it.
    """

    def __init__(self, status: int, number: int, message: str, timeout_seconds: int) -> None:
        super().__init__(status, str(number), message)
        self.number, self.timeout_seconds = number, timeout_seconds

    def body(self) -> dict[str, str]:
        """The JSON body that the real hub answers with."""
        minutes, seconds = divmod(self.timeout_seconds, 60)
        inner = {
            "errorCode": self.number,
            "trackingId": _tracking_id(),
            "message": self.message,
            "info": {"timeout": f"00:{minutes:02d}:{seconds:02d}"},
            "timestampUtc": datetime.now(UTC).isoformat(),
        }
        return {"Message": json.dumps(inner), "ExceptionMessage": ""}


def _tracking_id() -> str:
    return secrets.token_hex(16).upper()


def bad_argument(message: str) -> HubError:
    """400: the request itself is wrong."""
    return HubError(400, "ArgumentInvalid", message)


def unauthorized() -> HubError:
    """401; says nothing about which part was wrong."""
    return HubError(401, "IotHubUnauthorizedAccess", "Unauthorized")


def precondition_failed(message: str) -> HubError:
    """412: the If-Match header does not name the current version."""
    return HubError(412, "PreconditionFailed", message)


def device_not_found(device: str) -> HubError:
    """404 for a device."""
    return HubError(404, "DeviceNotFound", f"Device {device} not registered")


def module_not_found(device: str, module: str) -> HubError:
    """404 for a module."""
    return HubError(404, "ModuleNotFound", f"Module {device}/{module} not registered")
