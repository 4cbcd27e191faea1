"""The merge: each rule by example, and what must hold for every set of configurations."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.merge import Layer, Merged, assignments, equal_priorities, merge

ROOT = "properties.desired"


def base(name: str = "base", priority: int = 0, created: str = "t0", **agent: Any) -> Layer:
    desired = {"schemaVersion": "1.1", "modules": {}, **agent}
    return Layer(name, priority, created, {"$edgeAgent": {ROOT: desired}, "$edgeHub": {ROOT: {}}})


def layer(name: str, priority: int, created: str = "t1", **modules: Any) -> Layer:
    paths = {f"{ROOT}.modules.{key}": value for key, value in modules.items()}
    return Layer(name, priority, created, {"$edgeAgent": paths})


def content(name: str, priority: int, **by_module: dict[str, Any]) -> Layer:
    return Layer(name, priority, "t1", {"$edgeAgent": {}, **by_module})


def modules(merged: Merged) -> dict[str, Any]:
    assert merged.desired is not None
    found: dict[str, Any] = merged.desired["$edgeAgent"]["modules"]
    return found


def test_nothing_matches_keeps_what_was_there() -> None:
    assert merge([]) == Merged(None, {})


def test_layers_without_a_base_are_targeted_only() -> None:
    assert merge([layer("l", 1, m=1)]) == Merged(None, {"l": "Targeted"})


def test_the_base_of_highest_priority_applies() -> None:
    merged = merge([base("low", 1, x="low"), base("high", 2, x="high")])
    assert merged.desired is not None
    assert merged.desired["$edgeAgent"]["x"] == "high"
    assert merged.statuses == {"low": "Targeted", "high": "Applied"}


def test_of_bases_of_one_priority_the_newest_applies() -> None:
    merged = merge([base("new", 1, "t2"), base("old", 1, "t1")])
    assert merged.statuses == {"new": "Applied", "old": "Targeted"}


@pytest.mark.parametrize(("priority", "applies"), [(4, False), (5, False), (6, True)])
def test_a_layer_must_be_strictly_above_the_base(priority: int, applies: bool) -> None:
    merged = merge([base(priority=5), layer("l", priority, m=1)])
    assert modules(merged) == ({"m": 1} if applies else {})
    assert merged.statuses["l"] == ("Applied" if applies else "Targeted")


def test_layers_of_several_models_add_up() -> None:
    merged = merge([layer("b", 2, taxi="t"), base(), layer("a", 1, drift="d")])
    assert modules(merged) == {"taxi": "t", "drift": "d"}
    assert set(merged.statuses.values()) == {"Applied"}


def test_a_path_replaces_its_subtree_and_does_not_merge_it() -> None:
    merged = merge([base(), layer("a", 1, m={"x": 1, "y": 1}), layer("b", 2, m={"x": 2})])
    assert modules(merged) == {"m": {"x": 2}}


def test_an_overridden_layer_stays_targeted() -> None:
    merged = merge([base(), layer("r1", 1, m=1), layer("r2", 2, m=2)])
    assert merged.statuses == {"base": "Applied", "r1": "Targeted", "r2": "Applied"}


def test_a_layer_of_which_something_is_left_is_applied() -> None:
    merged = merge([base(), layer("r1", 1, m=1, only="r1"), layer("r2", 2, m=2)])
    assert modules(merged) == {"m": 2, "only": "r1"}
    assert merged.statuses["r1"] == "Applied"


def test_a_deeper_path_changes_a_part_of_what_is_below() -> None:
    deep = Layer("b", 2, "t", {"$edgeAgent": {f"{ROOT}.modules.m.env.K": {"value": "2"}}})
    merged = merge([base(), layer("a", 1, m={"image": "i", "env": {"K": {"value": "1"}}}), deep])
    assert modules(merged) == {"m": {"image": "i", "env": {"K": {"value": "2"}}}}
    assert merged.statuses["a"] == "Applied"


def test_a_bare_root_wipes_what_lower_layers_set_for_the_module() -> None:
    low = content("low", 1, m={f"{ROOT}.a": 1, f"{ROOT}.b": 1})
    high = content("high", 2, m={ROOT: {"c": 2}})
    merged = merge([base(), low, high])
    assert merged.desired is not None
    assert merged.desired["m"] == {"c": 2}
    assert merged.statuses["low"] == "Targeted"


def test_deleting_a_layer_brings_back_the_one_below() -> None:
    below = [base(), layer("r1", 1, m=1)]
    assert modules(merge([*below, layer("r2", 2, m=2, extra=1)])) == {"m": 2, "extra": 1}
    assert modules(merge(below)) == {"m": 1}


def test_null_removes() -> None:
    merged = merge([base(), layer("a", 1, m=1, n=1), layer("b", 2, m=None)])
    assert modules(merged) == {"n": 1}


def test_routes_are_layered_too() -> None:
    route = Layer(
        "l", 1, "t", {"$edgeAgent": {}, "$edgeHub": {f"{ROOT}.routes.up": "FROM /* INTO $upstream"}}
    )
    merged = merge([base(), route])
    assert merged.desired is not None
    assert merged.desired["$edgeHub"] == {"routes": {"up": "FROM /* INTO $upstream"}}


def test_layers_of_equal_priority_are_found() -> None:
    assert equal_priorities([layer("a", 3), base(priority=3), layer("b", 3)]) == ("a", "b")
    assert equal_priorities([layer("a", 3), layer("b", 4), base("x", 4), base("y", 4)]) is None


@pytest.mark.parametrize(
    "path", ["desired", "properties.reported.a", f"{ROOT}x", f"{ROOT}..a", f"{ROOT}."]
)
def test_a_wrong_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"m: "):
        assignments({"m": {path: 1}})


names = st.sampled_from(["m1", "m2", "m3"])
paths = st.sampled_from(["", ".a", ".b", ".a.x", ".a.y"])
layers = st.builds(
    lambda number, priority, entries: Layer(
        f"l{number}",
        priority,
        f"t{number}",
        {"$edgeAgent": {}, **{m: {ROOT + p: v for p, v in e.items()} for m, e in entries.items()}},
    ),
    st.integers(0, 10**6),
    st.integers(1, 10),
    st.dictionaries(
        names, st.dictionaries(paths.filter(bool), st.integers(0, 3), max_size=2), max_size=2
    ),
)
stacks = st.lists(layers, max_size=5, unique_by=lambda one: one.priority).filter(
    lambda found: len({one.id for one in found}) == len(found)
)


@given(stacks, st.randoms())
def test_the_order_in_which_configurations_come_does_not_matter(
    stack: list[Layer], random: Any
) -> None:
    shuffled = [base(), *stack]
    random.shuffle(shuffled)
    assert merge(shuffled) == merge([base(), *stack])


@given(stacks)
def test_candidates_are_not_changed(stack: list[Layer]) -> None:
    before = copy.deepcopy([one.content for one in stack])
    merge([base(), *stack])
    assert [one.content for one in stack] == before


@given(stacks)
def test_every_candidate_has_a_status_and_the_top_layer_is_applied(stack: list[Layer]) -> None:
    merged = merge([base(), *stack])
    assert set(merged.statuses) == {"base", *(one.id for one in stack)}
    top = max([base(), *stack], key=lambda one: one.order)
    assert merged.statuses[top.id] == "Applied"


@given(stacks)
def test_a_layer_that_is_targeted_only_makes_no_difference(stack: list[Layer]) -> None:
    merged = merge([base(), *stack])
    kept = [one for one in stack if merged.statuses[one.id] == "Applied"]
    assert _without_empty(merge([base(), *kept])) == _without_empty(merged)


@given(stacks, layers)
def test_the_highest_layer_has_the_last_word(stack: list[Layer], top: Layer) -> None:
    merged = merge([base(), *stack, Layer("top", 99, "t", top.content)])
    assert merged.desired is not None
    for module, path, value in assignments(top.content):
        shadowed = any(
            m == module and p != path and p[: len(path)] == path
            for m, p, _ in assignments(top.content)
        )
        found: Any = merged.desired[module]
        for part in path:
            found = found[part]
        assert shadowed or found == value


def _without_empty(merged: Merged) -> dict[str, Any]:
    """Objects that only held what was replaced may be left over empty."""

    def prune(value: Any) -> Any:
        if isinstance(value, dict):
            pruned = {key: prune(item) for key, item in value.items()}
            return {key: item for key, item in pruned.items() if item != {}}
        return value

    found: dict[str, Any] = prune(dict(merged.desired or {}))
    return found
