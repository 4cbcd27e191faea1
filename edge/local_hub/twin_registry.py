"""Twins of devices and modules: views for REST and MQTT, and the changes from either side."""

from collections.abc import Mapping

from edge.local_hub import twins
from edge.local_hub.errors import bad_argument
from edge.local_hub.etags import check_if_match, version_etag
from edge.local_hub.identities import Identities
from edge.local_hub.state import NEVER, DesiredChanged, State
from edge.local_hub.values import Doc, Json, apply_patch, make_patch


class TwinRegistry:
    """Twins, found by (device, module); a device's own twin has the empty module."""

    def __init__(self, state: State, identities: Identities) -> None:
        self._state = state
        self._identities = identities

    def get(self, device: str, module: str = "") -> Doc:
        """The stored twin; HubError 404 if there is no such identity."""
        self._identities.get(device, module)
        twin = self._state.documents.get("twin", device, module)
        return twin if twin is not None else twins.new_twin(self._state.now())

    def view(self, device: str, module: str = "") -> Doc:
        """The twin as REST and queries show it."""
        twin, identity = self.get(device, module), self._identities.get(device, module)
        presence = self._state.documents.get("presence", device, module) or {}
        named = {"deviceId": device, "moduleId": module} if module else {"deviceId": device}
        view: Doc = {
            **named,
            "etag": version_etag(twin["etagVersion"]),
            "deviceEtag": identity["etag"],
            "status": identity["status"],
            "statusReason": identity["statusReason"],
            "statusUpdateTime": identity["statusUpdatedTime"],
            "connectionState": "Connected" if presence.get("connected") else "Disconnected",
            "lastActivityTime": presence.get("activity", NEVER),
            "cloudToDeviceMessageCount": 0,
            "authenticationType": "sas",
            "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
            "version": twin["version"],
            "tags": twin["tags"],
            "configurations": {
                name: {"status": status} for name, status in twin["configurations"].items()
            },
            "properties": {name: _section(twin, name) for name in ("desired", "reported")},
        }
        return view if module else {**view, "capabilities": {"iotEdge": identity["iotEdge"]}}

    def client_view(self, device: str, module: str = "") -> Doc:
        """The twin as its own client gets it over MQTT: properties and versions, no tags."""
        twin = self.get(device, module)
        return {
            name: {**twin[name], "$version": twin[f"{name}Version"]}
            for name in ("desired", "reported")
        }

    def report(self, device: str, module: str, patch: Json) -> int:
        """Applies a patch of reported properties; returns their new version."""
        twin = self.get(device, module)
        changed = twins.patch_reported(twin, patch, self._state.now(), self._state.limits)
        self._state.documents.put("twin", device, module, changed)
        return int(changed["reportedVersion"])

    def update(
        self, device: str, module: str, body: Json, if_match: str | None, *, replace: bool
    ) -> None:
        """Patches, or replaces, tags and desired properties from a request body.

        Raises HubError 400 for a wrong body or over a limit, 404, 412.
        """
        twin = self.get(device, module)
        if if_match is not None:
            check_if_match(if_match, version_etag(twin["etagVersion"]))
        tags, desired = _parts(body)
        if tags is not None or replace:
            new_tags = apply_patch({} if replace else twin["tags"], tags or {})
            twin = twins.set_tags(twin, new_tags, self._state.limits)
        if replace:
            wanted = apply_patch({}, desired or {})
            desired = make_patch(twin["desired"], wanted) or None
        if desired is not None:
            twin = twins.patch_desired(twin, desired, self._state.now(), self._state.limits)
            self._push(device, module, desired, twin)
        self._state.documents.put("twin", device, module, twin)

    def set_desired(self, device: str, module: str, desired: Mapping[str, Json]) -> None:
        """Makes `desired` the desired properties; tells the client if that changes anything."""
        old = self.get(device, module)
        new = twins.replace_desired(old, desired, self._state.now(), self._state.limits)
        if new is old:
            return
        self._state.documents.put("twin", device, module, new)
        self._push(device, module, make_patch(old["desired"], desired), new)

    def set_configurations(self, device: str, module: str, statuses: Mapping[str, str]) -> None:
        """Writes which configurations are Applied or Targeted."""
        twin = self.get(device, module)
        if twin["configurations"] != statuses:
            changed = {**twin, "configurations": dict(statuses), "version": twin["version"] + 1}
            self._state.documents.put("twin", device, module, changed)

    def _push(self, device: str, module: str, patch: Doc, twin: Doc) -> None:
        self._state.events.append(DesiredChanged(device, module, patch, twin["desiredVersion"]))


def _section(twin: Doc, name: str) -> Doc:
    return {**twin[name], "$metadata": twin[f"{name}Metadata"], "$version": twin[f"{name}Version"]}


def _parts(body: Json) -> tuple[Doc | None, Doc | None]:
    """Tags and desired properties of a request body; None for what it does not mention.

    `$metadata` and `$version` are ignored, so that a twin that was read can be sent back.
    """
    if not isinstance(body, Mapping):
        raise bad_argument("the body must be an object")
    properties = body.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise bad_argument("properties must be an object")
    tags, desired = body.get("tags"), properties.get("desired")
    for name, part in (("tags", tags), ("properties.desired", desired)):
        if part is not None and not isinstance(part, Mapping):
            raise bad_argument(f"{name} must be an object")
    if desired is not None:
        desired = {k: v for k, v in desired.items() if k not in ("$metadata", "$version")}
    return (dict(tags) if tags is not None else None), desired
