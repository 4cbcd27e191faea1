"""Merge patches and JSON equality, for all values."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.values import apply_patch, make_patch, read_json, same, without_nulls

scalars = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(objects, objects)
def test_a_patch_leads_from_old_to_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    assert same(apply_patch(old, make_patch(old, new)), new)
    assert same(old, before)


@given(objects)
def test_nothing_changed_needs_an_empty_patch(value: dict[str, Any]) -> None:
    assert make_patch(value, copy.deepcopy(value)) == {}


def test_apply_patch_is_rfc_7396() -> None:
    target = {"a": {"b": 1, "c": 2}, "d": [1], "e": 5}
    patch = {"a": {"b": None, "x": {"y": None, "z": 1}}, "d": {"k": 1}, "e": None}
    assert apply_patch(target, patch) == {"a": {"c": 2, "x": {"z": 1}}, "d": {"k": 1}}


def test_true_is_not_one() -> None:
    assert not same(True, 1)
    assert not same({"a": [0]}, {"a": [False]})
    assert same({"a": [1.0]}, {"a": [1]})


def test_nulls_are_left_out_at_any_depth() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": 1}}) == {"b": {"d": 1}}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_json(text)
