"""Topics."""

import pytest

from edge.local_hub.mqtt import topics


def test_twin_requests() -> None:
    assert topics.parse_topic("$iothub/twin/GET/?$rid=7", "d", "") == topics.TwinGet("7")
    found = topics.parse_topic("$iothub/twin/PATCH/properties/reported/?$rid=a%20b", "d", "m")
    assert found == topics.TwinReport("a b")


def test_method_answers() -> None:
    found = topics.parse_topic("$iothub/methods/res/412/?$rid=x", "d", "m")
    assert found == topics.MethodAnswer("x", 412)


def test_telemetry_with_properties() -> None:
    topic = (
        "devices/d/modules/m/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&k%26=a+b%3D1&e="
    )
    found = topics.parse_topic(topic, "d", "m")
    assert found == topics.Telemetry(
        {"ct": "application/json", "ce": "utf-8"}, {"k&": "a+b=1", "e": ""}
    )
    assert topics.parse_topic("devices/d/messages/events/", "d", "") == topics.Telemetry({}, {})


@pytest.mark.parametrize(
    ("topic", "module"),
    [
        ("devices/other/messages/events/", ""),
        ("devices/d/messages/events/", "m"),
        ("devices/d/modules/m/messages/events/", ""),
        ("devices/d/messages/eventsx", ""),
        ("$iothub/twin/PATCH/properties/desired/?$rid=1", ""),
        ("$iothub/methods/POST/x/?$rid=1", ""),
        ("anything", ""),
    ],
)
def test_what_a_client_may_not_publish_to(topic: str, module: str) -> None:
    assert topics.parse_topic(topic, "d", module) is None


@pytest.mark.parametrize(
    ("topic_filter", "module", "allowed"),
    [
        ("$iothub/twin/res/#", "", True),
        ("$iothub/methods/POST/#", "m", True),
        ("devices/d/messages/devicebound/#", "", True),
        ("devices/d/modules/m/inputs/#", "m", True),
        ("devices/other/messages/devicebound/#", "", False),
        ("devices/d/modules/m/inputs/#", "", False),
        ("#", "", False),
        ("$iothub/#", "m", False),
    ],
)
def test_a_client_may_subscribe_to_its_own_only(
    topic_filter: str, module: str, allowed: bool
) -> None:
    assert topics.may_subscribe(topic_filter, "d", module) is allowed


def test_topics_of_the_hub() -> None:
    assert topics.twin_response(204, "r", 5) == "$iothub/twin/res/204/?$rid=r&$version=5"
    assert topics.desired_patch(3) == "$iothub/twin/PATCH/properties/desired/?$version=3"
    assert topics.method_request("smokeTest", "r") == "$iothub/methods/POST/smokeTest/?$rid=r"
