"""Twin documents: versions, metadata, limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.errors import HubError
from edge.local_hub.limits import Limits
from edge.local_hub.twins import (
    new_twin,
    patch_desired,
    patch_reported,
    replace_desired,
    set_tags,
    size_of,
)

LIMITS = Limits()


def reported(*patches: Any) -> dict[str, Any]:
    twin = new_twin("t0")
    for number, patch in enumerate(patches, 1):
        twin = patch_reported(twin, patch, f"t{number}", LIMITS)
    return twin


def test_a_report_merges_removes_and_counts_versions() -> None:
    twin = reported({"a": 1, "b": {"c": 1, "d": 2}}, {"a": None, "b": {"c": 3}})
    assert twin["reported"] == {"b": {"c": 3, "d": 2}}
    assert (twin["reportedVersion"], twin["desiredVersion"], twin["version"]) == (3, 1, 3)
    assert twin["etagVersion"] == 1


def test_metadata_tells_when_each_property_was_set() -> None:
    twin = reported({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 3}})
    assert twin["reportedMetadata"] == {
        "$lastUpdated": "t2",
        "a": {"$lastUpdated": "t1"},
        "b": {"$lastUpdated": "t2", "c": {"$lastUpdated": "t2"}, "d": {"$lastUpdated": "t1"}},
    }


def test_metadata_of_what_is_removed_goes() -> None:
    assert "a" not in reported({"a": 1}, {"a": None})["reportedMetadata"]


def test_the_service_changes_the_etag() -> None:
    twin = patch_desired(new_twin("t0"), {"a": 1}, "t1", LIMITS)
    twin = set_tags(twin, {"ring": "canary"}, LIMITS)
    assert (twin["etagVersion"], twin["version"], twin["desiredVersion"]) == (3, 3, 2)


def test_replacing_by_the_same_is_no_change() -> None:
    twin = patch_desired(new_twin("t0"), {"a": {"b": 1}}, "t1", LIMITS)
    assert replace_desired(twin, {"a": {"b": 1}}, "t2", LIMITS) is twin
    changed = replace_desired(twin, {"c": 1}, "t2", LIMITS)
    assert changed["desired"] == {"c": 1}
    assert changed["desiredVersion"] == 3


def test_twins_are_not_changed_in_place() -> None:
    twin = new_twin("t0")
    patch_reported(twin, {"a": 1}, "t1", LIMITS)
    assert twin == new_twin("t0")


def deep(levels: int) -> dict[str, Any]:
    return {"x": deep(levels - 1)} if levels > 1 else {"x": 1}


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        (["a"], "must be an object"),
        ({"a.b": 1}, "key 'a.b' is not allowed"),
        ({"$a": 1}, "is not allowed"),
        ({"a b": 1}, "is not allowed"),
        ({"": 1}, "is not allowed"),
        ({"a": {"b": [{"c\n": 1}]}}, "is not allowed"),
        ({"k" * 1025: 1}, "is not allowed"),
        ({"a": "x" * 4097}, "longer than 4096 bytes"),
        ({"a": 2**52 + 1}, "out of the range"),
        (deep(11), "deeper than 10"),
        ({f"k{n:02d}": "x" * 4090 for n in range(9)}, "the limit is 32768"),
    ],
)
def test_what_is_over_a_limit_is_refused(patch: Any, complaint: str) -> None:
    with pytest.raises(HubError, match=complaint) as caught:
        reported(patch)
    assert caught.value.status == 400


def test_what_is_at_the_limit_is_taken() -> None:
    key = "k" * 8
    sections = {f"{key}{n}": "x" * (4096 - 9) for n in range(8)}
    assert size_of(sections) == 32 * 1024
    assert reported(sections)["reported"] == sections
    with pytest.raises(HubError, match="32769"):
        reported({**sections, "k": ""})


def test_depth_and_tags_at_their_limits() -> None:
    assert reported(deep(10))["reported"] == deep(10)
    assert set_tags(new_twin("t"), {"ab": "x" * 4000, "cd": "x" * 4000}, LIMITS)
    with pytest.raises(HubError, match="limit is 8192"):
        set_tags(new_twin("t"), {"a": "x" * 4096, "b": "x" * 4096}, LIMITS)


def test_sizes_by_the_rule_of_the_hub() -> None:
    assert size_of({"ab": 1, "c": True, "d": "é\n", "e": None, "f": [1, "x"]}) == (
        (2 + 8) + (1 + 4) + (1 + 2) + 1 + (1 + 8 + 1)
    )


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(0, 3) | st.none()), max_size=5))
def test_metadata_names_exactly_the_properties(patches: list[dict[str, Any]]) -> None:
    twin = reported(*patches)
    assert set(twin["reportedMetadata"]) == {"$lastUpdated", *twin["reported"]}
