"""The identity registry: devices and their modules, with the keys they authenticate with."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping

from edge.local_hub import errors
from edge.local_hub.etags import check_if_match
from edge.local_hub.state import NEVER, IdentityGone, State
from edge.local_hub.twins import new_twin
from edge.local_hub.values import Doc, Json

SYSTEM_MODULES = ("$edgeAgent", "$edgeHub")
IOT_EDGE = "IotEdge"
"""`managedBy` of the modules that a deployment makes and removes."""

_ID = re.compile(r"[A-Za-z0-9\-.%_*?!(),:=@$']+")
_NO_THUMBPRINT = {"primaryThumbprint": None, "secondaryThumbprint": None}


class Identities:
    """Devices and modules. A module's `module` argument is never empty, a device has none."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._documents = state.documents

    def get(self, device: str, module: str = "") -> Doc:
        """The stored identity (with keys); HubError 404 if there is none."""
        identity = self.find(device, module)
        if identity is not None:
            return identity
        if self.find(device) is None or not module:
            raise errors.device_not_found(device)
        raise errors.module_not_found(device, module)

    def find(self, device: str, module: str = "") -> Doc | None:
        """The stored identity, or None."""
        return self._documents.get("identity", device, module)

    def devices(self) -> list[str]:
        """The ids of all devices, sorted."""
        return self._documents.owners("identity")

    def modules(self, device: str) -> list[str]:
        """The ids of the modules of a device, sorted; HubError 404 if there is no such device."""
        self.get(device)
        return [name for name in self._documents.names("identity", device) if name]

    def put(self, device: str, module: str, body: Json, if_match: str | None) -> Doc:
        """Creates or (with If-Match) updates an identity from a request body.

        Raises HubError: 400 for a wrong id or body, 404, 409 if it exists, 412, 403 at the limit.
        """
        if not isinstance(body, Mapping):
            raise errors.bad_argument("the body must be an object")
        self._check_ids(device, module, body)
        if module:
            self.get(device)
        old = self.find(device, module)
        if old is None:
            if if_match is not None:
                self.get(device, module)
            return self.create(device, module, body)
        if if_match is None:
            kind = "Module" if module else "Device"
            raise errors.HubError(
                409, f"{kind}AlreadyExists", f"A {kind.lower()} with this ID is already registered."
            )
        check_if_match(if_match, old["etag"])
        return self._store(device, module, body, old)

    def create(self, device: str, module: str, body: Mapping[str, Json]) -> Doc:
        """A new identity with an empty twin; an IoT Edge device gets its two system modules."""
        limit = self._state.limits.modules_per_device
        if module and module not in SYSTEM_MODULES and len(self.modules(device)) - 2 >= limit:
            raise errors.HubError(
                403, "ModulesMaximumReached", f"a device can have {limit} modules"
            )
        identity = self._store(device, module, body, None)
        self._documents.put("twin", device, module, new_twin(self._state.now()))
        if not module and identity["iotEdge"]:
            for name in SYSTEM_MODULES:
                self.create(device, name, {"managedBy": IOT_EDGE})
        return identity

    def delete(self, device: str, module: str, if_match: str | None) -> None:
        """Removes an identity and all that belongs to it; a device takes its modules along."""
        old = self.get(device, module)
        if if_match is not None:
            check_if_match(if_match, old["etag"])
        gone = [module] if module else self._documents.names("identity", device)
        for name in gone:
            for kind in ("identity", "twin", "presence", "session"):
                self._documents.delete(kind, device, name)
            self._state.events.append(IdentityGone(device, name))

    def view(self, device: str, module: str = "") -> Doc:
        """The identity as REST shows it."""
        identity = self.get(device, module)
        presence = self._documents.get("presence", device, module) or {}
        view: Doc = {
            "deviceId": device,
            "generationId": identity["generationId"],
            "etag": identity["etag"],
            "connectionState": "Connected" if presence.get("connected") else "Disconnected",
            "connectionStateUpdatedTime": presence.get("updated", NEVER),
            "lastActivityTime": presence.get("activity", NEVER),
            "cloudToDeviceMessageCount": 0,
            "authentication": {
                "symmetricKey": {
                    "primaryKey": identity["primaryKey"],
                    "secondaryKey": identity["secondaryKey"],
                },
                "x509Thumbprint": _NO_THUMBPRINT,
                "type": "sas",
            },
        }
        if module:
            return {**view, "moduleId": module, "managedBy": identity["managedBy"]}
        return {
            **view,
            "status": identity["status"],
            "statusReason": identity["statusReason"],
            "statusUpdatedTime": identity["statusUpdatedTime"],
            "capabilities": {"iotEdge": identity["iotEdge"]},
        }

    def _store(self, device: str, module: str, body: Mapping[str, Json], old: Doc | None) -> Doc:
        primary, secondary = self._keys(body, old)
        status = body.get("status") or "enabled"
        if status not in ("enabled", "disabled"):
            raise errors.bad_argument("status must be enabled or disabled")
        now = self._state.now()
        same_status = old is not None and old["status"] == status
        identity: Doc = {
            "generationId": old["generationId"] if old else str(secrets.randbelow(10**18)),
            "etag": base64.b64encode(str(secrets.randbelow(10**9)).encode()).decode(),
            "status": status,
            "statusReason": body.get("statusReason"),
            "statusUpdatedTime": old["statusUpdatedTime"] if old and same_status else now,
            "iotEdge": (body.get("capabilities") or {}).get("iotEdge") is True,
            "managedBy": body.get("managedBy") or "",
            "primaryKey": primary,
            "secondaryKey": secondary,
        }
        if old is not None and not module and old["iotEdge"] != identity["iotEdge"]:
            raise errors.bad_argument("capabilities.iotEdge cannot change; make the device anew")
        if status == "disabled":
            for name in self._documents.names("identity", device):
                self._state.events.append(IdentityGone(device, name))
        self._documents.put("identity", device, module, identity)
        return identity

    def _check_ids(self, device: str, module: str, body: Mapping[str, Json]) -> None:
        for given, field in ((device, "deviceId"), (module, "moduleId")):
            if not given:
                continue
            if not _ID.fullmatch(given) or len(given) > self._state.limits.id_characters:
                raise errors.bad_argument(f"the {field} is not a valid id")
            if body.get(field, given) != given:
                raise errors.bad_argument(f"the {field} of the body is not that of the path")

    @staticmethod
    def _keys(body: Mapping[str, Json], old: Doc | None) -> tuple[str, str]:
        authentication = body.get("authentication") or {}
        if authentication.get("type", "sas") not in ("sas", "none", None):
            raise errors.bad_argument("the local hub authenticates by SAS keys only")
        given = authentication.get("symmetricKey") or {}
        keys = (given.get("primaryKey"), given.get("secondaryKey"))
        if not any(keys):
            if old is not None:
                return old["primaryKey"], old["secondaryKey"]
            return _new_key(), _new_key()
        for key in keys:
            if not _is_key(key):
                raise errors.bad_argument("both keys must be base64 of 16 to 64 bytes")
        return str(keys[0]), str(keys[1])


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _is_key(key: Json) -> bool:
    try:
        return isinstance(key, str) and 16 <= len(base64.b64decode(key, validate=True)) <= 64
    except binascii.Error:
        return False
