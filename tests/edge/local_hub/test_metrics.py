"""System metrics: the counts, and that the queries say the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.metrics import SystemMetrics, outcome, system_queries
from edge.local_hub.query import parse_query, run


def agent(status: str, version: Any = 3, code: Any = 200, *, desired: int = 3) -> dict[str, Any]:
    reported = {"lastDesiredVersion": version, "lastDesiredStatus": {"code": code}}
    if code is None:
        reported = {"lastDesiredVersion": version}
    return {
        "deviceId": "d",
        "moduleId": "$edgeAgent",
        "configurations": {"c-1": {"status": status}} if status else {},
        "properties": {"desired": {"$version": desired}, "reported": reported},
    }


@pytest.mark.parametrize(
    ("twin", "expected"),
    [
        (agent("Applied"), "reportedSuccessfulCount"),
        (agent("Applied", code=500), "reportedFailedCount"),
        (agent("Applied", version=2), None),
        (agent("Applied", code=None), None),
    ],
)
def test_outcome(twin: dict[str, Any], expected: str | None) -> None:
    assert outcome(twin) == expected


def test_results() -> None:
    agents = [agent("Applied"), agent("Targeted"), agent("Applied", code=406), agent("")]
    assert SystemMetrics.of(agents).results("c-1") == {
        "targetedCount": 3,
        "appliedCount": 2,
        "reportedSuccessfulCount": 1,
        "reportedFailedCount": 1,
    }
    assert set(SystemMetrics.of(agents).results("unknown").values()) == {0}


agents = st.builds(
    agent,
    st.sampled_from(["", "Applied", "Targeted"]),
    st.integers(2, 3),
    st.sampled_from([200, 406, 500, None]),
)


@given(st.lists(agents, max_size=6))
def test_the_queries_count_the_same(twins: list[dict[str, Any]]) -> None:
    results = SystemMetrics.of(twins).results("c-1")
    queries = system_queries("c-1", "*")
    for name in ("appliedCount", "reportedSuccessfulCount", "reportedFailedCount"):
        assert len(run(parse_query(queries[name]), twins)) == results[name]


@pytest.mark.parametrize("condition", ["*", "", "tags.a = 1 or tags.b = 2"])
def test_the_query_of_the_targeted_is_valid(condition: str) -> None:
    text = system_queries("c", condition)["targetedCount"]
    edge = {"deviceId": "d", "capabilities": {"iotEdge": True}, "tags": {"b": 2}}
    assert len(run(parse_query(text), [edge])) == (0 if condition == "" else 1)
