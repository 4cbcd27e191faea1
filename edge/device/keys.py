"""Keys and tokens of a device: symmetric keys, as IoT Hub and its provisioning service use them."""

import base64
import hashlib
import hmac
from urllib.parse import quote, quote_plus

from protos.errors import ConfigurationError


def _decode(key_b64: str, what: str) -> bytes:
    try:
        key = base64.b64decode(key_b64, validate=True)
    except ValueError:
        key = b""
    if not key:
        # The key itself is never part of the message.
        raise ConfigurationError(
            f"{what} is not base64", remedy="set it to the base64 text of the key"
        ) from None
    return key


def derive_device_key(group_key_b64: str, device_id: str) -> str:
    """The key of one device of a symmetric key enrollment group, base64.

    HMAC-SHA256 of the registration id under the group's key, as the Device Provisioning Service
    defines it. Raises ConfigurationError if the group key is not base64.
    """
    group_key = _decode(group_key_b64, "the group key of the fleet")
    digest = hmac.new(group_key, device_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def sas_token(resource: str, key_b64: str, expiry: int) -> str:
    """A shared access signature over `resource` (`host/devices/id`), valid until `expiry`.

    `expiry` is in whole seconds since 1970. The signature covers the quoted resource, a line feed
    and the expiry; a token by a device's own key carries no policy name.
    """
    quoted = quote_plus(resource)
    key = _decode(key_b64, "the key of the device")
    digest = hmac.new(key, f"{quoted}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(digest), safe="")
    return f"SharedAccessSignature sr={quoted}&sig={signature}&se={expiry}"


def module_connection_string(
    host: str, gateway: str, device_id: str, module_id: str, key_b64: str
) -> str:
    """The connection string of a module that reaches `host` through `gateway`. Holds a secret."""
    return (
        f"HostName={host};DeviceId={device_id};ModuleId={module_id};"
        f"SharedAccessKey={key_b64};GatewayHostName={gateway}"
    )
