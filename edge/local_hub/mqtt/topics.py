"""The topics of IoT Hub's MQTT, pure: what a client publishes to, and what it may subscribe to."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_TWIN_GET = re.compile(r"\$iothub/twin/GET/\?(.*)")
_TWIN_PATCH = re.compile(r"\$iothub/twin/PATCH/properties/reported/\?(.*)")
_METHOD_ANSWER = re.compile(r"\$iothub/methods/res/(\d{1,9})/\?(.*)")

TWIN_RESPONSES = "$iothub/twin/res/#"
DESIRED_PATCHES = "$iothub/twin/PATCH/properties/desired/#"
METHODS = "$iothub/methods/POST/#"


@dataclass(frozen=True)
class TwinGet:
    """The client asks for its twin."""

    request_id: str


@dataclass(frozen=True)
class TwinReport:
    """The client sends a patch of reported properties."""

    request_id: str


@dataclass(frozen=True)
class MethodAnswer:
    """The client answers a direct method."""

    request_id: str
    status: int


@dataclass(frozen=True)
class Telemetry:
    """A device-to-cloud message with its system (`$.`...) and custom properties."""

    system: dict[str, str]
    custom: dict[str, str]


Message = TwinGet | TwinReport | MethodAnswer | Telemetry


def parse_topic(topic: str, device: str, module: str) -> Message | None:
    """What a client (of this device and module) publishes to `topic`; None if it may not."""
    if found := _TWIN_GET.fullmatch(topic):
        return TwinGet(_properties(found[1]).get("$rid", ""))
    if found := _TWIN_PATCH.fullmatch(topic):
        return TwinReport(_properties(found[1]).get("$rid", ""))
    if found := _METHOD_ANSWER.fullmatch(topic):
        return MethodAnswer(_properties(found[2]).get("$rid", ""), int(found[1]))
    events = f"{_base(device, module)}/messages/events"
    if topic == events or topic.startswith(events + "/"):
        properties = _properties(topic.removeprefix(events).strip("/"))
        system = {k[2:]: v for k, v in properties.items() if k.startswith("$.")}
        custom = {k: v for k, v in properties.items() if not k.startswith("$.")}
        return Telemetry(system, custom)
    return None


def may_subscribe(topic_filter: str, device: str, module: str) -> bool:
    """Whether a client may subscribe to this filter: its own topics and nothing else."""
    own = (
        f"{_base(device, module)}/inputs/#"
        if module
        else f"devices/{device}/messages/devicebound/#"
    )
    return topic_filter in (TWIN_RESPONSES, DESIRED_PATCHES, METHODS, own)


def twin_response(status: int, request_id: str, version: int | None = None) -> str:
    """The topic of the answer to a twin request."""
    topic = f"$iothub/twin/res/{status}/?$rid={request_id}"
    return topic if version is None else f"{topic}&$version={version}"


def desired_patch(version: int) -> str:
    """The topic of a change of desired properties."""
    return f"$iothub/twin/PATCH/properties/desired/?$version={version}"


def method_request(name: str, request_id: str) -> str:
    """The topic of a call of a direct method (whose name has no special characters)."""
    return f"$iothub/methods/POST/{name}/?$rid={request_id}"


def _base(device: str, module: str) -> str:
    return f"devices/{device}/modules/{module}" if module else f"devices/{device}"


def _properties(text: str) -> dict[str, str]:
    """`k=v&k=v`, percent-decoded; a plus stays a plus."""
    pairs = (part.partition("=") for part in text.lstrip("?").split("&") if part)
    return {unquote(key): unquote(value) for key, _, value in pairs}
