"""golden.json: what is read, what is refused by name, and which answer is right."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from protos.errors import ConfigurationError, VerificationFailed
from protos.golden import Golden, GoldenRequest, Tolerance, compare, shape_of_row

_QUESTION: dict[str, Any] = {"inputs": {"x": [1, None]}, "outputs": {"y": [2.5, "a"]}}
_GOOD: dict[str, Any] = {
    "model_digest": "sha256:" + "a" * 64,
    "tolerance": {"absolute": 0.5, "relative": 0},
    "latency_budget_ms": 20,
    "requests": [_QUESTION],
}


def test_what_is_right_is_read(tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text(json.dumps(_GOOD))
    golden = Golden.load(tmp_path / "golden.json")
    assert golden == Golden.from_json(json.dumps(_GOOD).encode())
    assert golden.tolerance == Tolerance(0.5, 0.0)
    assert golden.requests[0].outputs == {"y": [2.5, "a"]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model_digest": "sha256:abc"}, "model_digest"),
        ({"tolerance": 1}, "tolerance"),
        ({"tolerance": {"absolute": -1, "relative": 0}}, "tolerance.absolute"),
        ({"tolerance": {"absolute": 0, "relative": math.inf}}, "tolerance.relative"),
        ({"latency_budget_ms": True}, "latency_budget_ms"),
        ({"requests": []}, "requests"),
        ({"requests": [1]}, "requests[0]"),
        ({"requests": [_QUESTION, {"inputs": {"x": [1]}}]}, "requests[1].outputs"),
        ({"requests": [_QUESTION | {"inputs": {}}]}, "requests[0].inputs"),
        ({"requests": [_QUESTION | {"inputs": {"x": [[1]]}}]}, "requests[0].inputs"),
        ({"requests": [_QUESTION | {"outputs": {"y": 1}}]}, "requests[0].outputs"),
        ({"requests": [_QUESTION | {"shapes": [1]}]}, "requests[0].shapes"),
        ({"requests": [_QUESTION | {"shapes": {"x": 2}}]}, "requests[0].shapes"),
        ({"requests": [_QUESTION | {"shapes": {"x": [1, -2]}}]}, "requests[0].shapes"),
        ({"requests": [_QUESTION | {"shapes": {"x": [1, True]}}]}, "requests[0].shapes"),
        ({"requests": [_QUESTION | {"shapes": {"stranger": [1, 2]}}]}, "requests[0].shapes"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Golden.parse(_GOOD | changes)
    assert refused.value.what == f"golden.json: {field} is wrong"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not JSON"):
        Golden.from_json(data)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"golden\.json cannot be read") as refused:
        Golden.load(tmp_path / "golden.json")
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("expected", "got", "right", "difference"),
    [
        ([1.0], [1.5], True, 0.5),
        ([1.0], [1.7], False, 0.7),
        ([100.0], [110.5], True, 10.5),
        ([1], [1], True, 0.0),
        ([None], [math.nan], True, 0.0),
        ([math.nan], [None], True, 0.0),
        ([None], [1.0], False, math.inf),
        ([1.0], [math.nan], False, math.inf),
        ([math.inf], [math.inf], True, 0.0),
        ([math.inf], [1.0], False, math.inf),
        ([math.inf], [-math.inf], False, math.inf),
        (["a"], ["a"], True, 0.0),
        (["a"], ["b"], False, 0.0),
        (["1"], [1], False, 0.0),
        ([True], [False], False, 0.0),
        ([1.0], [], False, math.inf),
    ],
)
def test_which_answer_is_right(
    expected: list[Any], got: list[Any], right: bool, difference: float
) -> None:
    told, error = compare(expected, got, Tolerance(absolute=0.5, relative=0.1))
    assert told == right
    assert error == pytest.approx(difference)


@pytest.mark.parametrize(
    ("declared", "count", "shape"),
    [([-1, 1], 1, [1, 1]), ([-1, 3], 3, [1, 3]), ([-1, -1], 4, [1, 4]), ([], 1, []), ([2], 2, [2])],
)
def test_the_shape_of_a_row(declared: list[int], count: int, shape: list[int]) -> None:
    assert shape_of_row(declared, count) == shape


@pytest.mark.parametrize(
    ("declared", "count"), [([-1, 2], 3), ([-1, -1, -1], 4), ([3], 2), ([-1, 2, -1], 3), ([], 2)]
)
def test_values_that_fill_no_row_are_refused(declared: list[int], count: int) -> None:
    with pytest.raises(VerificationFailed, match="do not fill the shape"):
        shape_of_row(declared, count)


_IMAGE = GoldenRequest({"image": list(range(18)), "n": [1]}, {"y": [1]}, {"image": [1, 2, 3, 3]})


def test_shapes_are_read_and_tell_what_the_values_do_not() -> None:
    entry = {"inputs": dict(_IMAGE.inputs), "outputs": {"y": [1]}, "shapes": dict(_IMAGE.shapes)}
    (asked,) = Golden.parse(_GOOD | {"requests": [entry]}).requests
    assert asked == _IMAGE
    assert asked.shape_of("image", [-1, -1, -1, 3]) == [1, 2, 3, 3]
    assert asked.shape_of("image", [-1, 2, -1, 3]) == [1, 2, 3, 3]
    assert asked.shape_of("n", [-1, 1]) == [1, 1]
    assert Golden.parse(_GOOD).requests[0].shapes == {}


@pytest.mark.parametrize("declared", [[-1, -1, -1, 1], [-1, 3, -1, 3], [-1, -1, 3], [-1, 18]])
def test_a_shape_that_is_not_as_declared_is_refused(declared: list[int]) -> None:
    with pytest.raises(VerificationFailed, match="golden values of image do not fit"):
        _IMAGE.shape_of("image", declared)


def test_a_shape_that_the_values_do_not_fill_is_refused() -> None:
    short = GoldenRequest({"image": [1, 2]}, {"y": [1]}, {"image": [1, 2, 3, 3]})
    with pytest.raises(VerificationFailed, match="do not fit the model"):
        short.shape_of("image", [-1, -1, -1, 3])
