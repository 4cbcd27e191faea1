"""Checks of configurations before they are stored."""

import copy
from typing import Any

import pytest

from edge.local_hub.content import check_configuration, check_queries
from edge.local_hub.errors import HubError
from edge.local_hub.limits import Limits

MODULE = {"type": "docker", "settings": {"image": "x"}}
ROOT = "properties.desired"
FULL: dict[str, Any] = {
    "$edgeAgent": {
        ROOT: {
            "runtime": {},
            "systemModules": {"edgeAgent": MODULE, "edgeHub": MODULE},
            "modules": {},
        }
    }
}
LAYER: dict[str, Any] = {"$edgeAgent": {f"{ROOT}.modules.m": MODULE}}


def check(content: Any, /, **changes: Any) -> dict[str, Any]:
    body = {"id": "c", "content": {"modulesContent": content}, "targetCondition": "*", **changes}
    return check_configuration("c", body, Limits())


def module(**settings: Any) -> dict[str, Any]:
    return {"$edgeAgent": {f"{ROOT}.modules.m": {**MODULE, "settings": {"image": "x", **settings}}}}


@pytest.mark.parametrize(
    "content",
    [FULL, LAYER, {"$edgeAgent": {}}, module(createOptions="x" * 512, createOptions01="y" * 512)],
)
def test_full_and_layered_content_is_taken(content: Any) -> None:
    assert check(content, priority=7)["content"] == {"modulesContent": content}


def broken(path: list[str], value: Any = None) -> dict[str, Any]:
    """FULL with one thing replaced, or removed."""
    content = copy.deepcopy(FULL)
    found = content
    for key in path[:-1]:
        found = found[key]
    if value is None:
        del found[path[-1]]
    else:
        found[path[-1]] = value
    return content


AGENT = ["$edgeAgent", ROOT]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "modulesContent is missing"),
        ({"m": {}}, "with $edgeAgent"),
        ({"$edgeAgent": 1}, "must be an object"),
        ({"$edgeAgent": {"x": 1}}, "must start with properties.desired"),
        ({"$edgeAgent": {ROOT: 1}}, "must be an object"),
        (broken([*AGENT, "runtime"]), "needs runtime and systemModules"),
        (broken([*AGENT, "systemModules"], []), "needs runtime and systemModules"),
        (broken([*AGENT, "systemModules", "edgeHub"]), "systemModules.edgeHub is missing"),
        (broken([*AGENT, "modules"], {"m": {}}), "module m has no settings"),
        (module(image=""), "module m has no image"),
        (module(createOptions="x" * 513), "at most 512 characters"),
        (module(createOptions={}), "must be a string"),
        ({"$edgeAgent": {f"{ROOT}.modules.m": {**MODULE, "status": "on"}}}, "running, stopped"),
        ({"$edgeAgent": {f"{ROOT}.modules.m": {**MODULE, "restartPolicy": "x"}}}, "restartPolicy"),
        ({"$edgeAgent": {f"{ROOT}.systemModules": {}}}, "cannot set systemModules"),
        ({**LAYER, "m": {ROOT: {}, f"{ROOT}.a": 1}}, "lies below another path"),
        ({**LAYER, **{f"m{n}": {} for n in range(51)}}, "at most 50 modules"),
    ],
)
def test_wrong_content_is_refused(content: Any, complaint: str) -> None:
    with pytest.raises(HubError) as caught:
        check(content)
    assert caught.value.status == 400
    assert complaint in caught.value.message


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"id": "other"}, "not that of the path"),
        ({"priority": -1}, "priority must be"),
        ({"priority": True}, "priority must be"),
        ({"priority": 1.5}, "priority must be"),
        ({"targetCondition": "tags.a ="}, "targetConditionError"),
        ({"targetCondition": 3}, "a query is a text"),
        ({"metrics": {"queries": {"m": "SELECT"}}}, "customMetricQueryErrors"),
        (
            {"metrics": {"queries": {f"m{n}": "SELECT * FROM devices" for n in range(6)}}},
            "at most 5",
        ),
        ({"content": None}, "modulesContent is missing"),
        ({"content": {"deviceContent": {}}}, "modulesContent is missing"),
    ],
)
def test_other_wrong_parts_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(HubError) as caught:
        check(FULL, **changes)
    assert complaint in caught.value.message


@pytest.mark.parametrize("name", ["Upper", "a/b", "a b", "a" * 129, "ä"])
def test_a_wrong_id_is_refused(name: str) -> None:
    with pytest.raises(HubError, match="an id is at most 128"):
        check_configuration(name, {"content": {"modulesContent": FULL}}, Limits())


def test_an_id_may_hold_all_that_is_allowed() -> None:
    body = {"content": {"modulesContent": FULL}}
    assert check_configuration("a0-+%_*!'" + "z" * 119, body, Limits())["priority"] == 0


def test_test_queries_finds_what_is_wrong_and_nothing_else() -> None:
    good = {"m": "SELECT deviceId FROM devices"}
    assert check_queries("tags.a = 1", good, Limits()) == {}
    wrong = check_queries("tags.a", {**good, "x": "nonsense"}, Limits())
    assert wrong["customMetricQueryErrors"].keys() == {"x"}
    assert "targetConditionError" not in wrong
