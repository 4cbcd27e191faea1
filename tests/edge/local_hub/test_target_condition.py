"""Target conditions."""

from typing import Any

import pytest

from edge.local_hub.expressions import ExpressionError
from edge.local_hub.target_condition import parse_target_condition


def twin(edge: bool = True, **tags: Any) -> dict[str, Any]:
    return {"deviceId": "d1", "tags": tags, "capabilities": {"iotEdge": edge}}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("*", True),
        (" * ", True),
        ("", False),
        ("tags.ring = 'canary'", True),
        ("tags.ring = 'early'", False),
        ("tags.models.nyc_taxi='on' AND tags.ring IN ['canary','early']", True),
        ("NOT tags.ring = 'early' OR deviceId = 'x'", True),
        ("deviceId = 'd1'", True),
        ("deviceId IN ['d2']", False),
        ("tags.missing.deeply = 'x'", False),
    ],
)
def test_matches(condition: str, expected: bool) -> None:
    device = twin(ring="canary", models={"nyc_taxi": "on"})
    assert parse_target_condition(condition).matches(device) is expected


@pytest.mark.parametrize("condition", ["*", "deviceId = 'd1'"])
def test_only_edge_devices_are_targeted(condition: str) -> None:
    assert not parse_target_condition(condition).matches(twin(edge=False))


@pytest.mark.parametrize(
    "condition",
    [
        "properties.reported.x = 1",
        "tags = 1",
        "connectionState = 'Connected'",
        "tags.a =",
        "* and *",
    ],
)
def test_is_refused(condition: str) -> None:
    with pytest.raises(ExpressionError):
        parse_target_condition(condition)


def test_the_refusal_names_what_may_not_be_used() -> None:
    with pytest.raises(
        ExpressionError, match=r"tags and deviceId only, not properties\.reported\.x"
    ):
        parse_target_condition("tags.a = 1 and properties.reported.x = 1")
