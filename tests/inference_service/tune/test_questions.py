"""Questions: made up, golden and from calibration files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_service.description import TensorSpec
from inference_service.tune import questions
from inference_service.tune.candidates import candidates, thread_counts
from inference_service.tune.machine import describe_machine, parse_cores, usable_cores
from protos.errors import ConfigurationError

ROW = TensorSpec("x", "FP32", (-1, 2), 3.0, 5.0)
COUNT = TensorSpec("n", "INT64", (-1, 1), -2.5, 2.5)
WORD = TensorSpec("w", "BYTES", (-1, 1), categories=("red", "green"))
FREE = TensorSpec("t", "BYTES", (-1, 1))
FIXED = TensorSpec("f", "FP32", (2, 1))
FLAG = TensorSpec("b", "BOOL", (-1, 1))


def test_made_up_values_keep_the_declared_bounds() -> None:
    made = questions.made_up([ROW, COUNT, WORD, FREE, FLAG], 50)
    assert all(((q["x"] >= 3) & (q["x"] <= 5)).all() for q in made)
    assert {int(q["n"][0, 0]) for q in made} == {-2, -1, 0, 1, 2}
    assert {q["w"][0, 0] for q in made} == {"red", "green"}
    assert {q["t"][0, 0] for q in made} == {""}
    assert made[0]["b"].dtype == bool
    again = questions.made_up([ROW, COUNT, WORD, FREE, FLAG], 50)
    assert all((a["x"] == b["x"]).all() for a, b in zip(made, again, strict=True))


def test_one_bound_alone_is_kept_too() -> None:
    low = questions.made_up([TensorSpec("x", "FP32", (-1,), minimum=40.0)], 20)
    high = questions.made_up([TensorSpec("x", "INT8", (-1,), maximum=-40.0)], 20)
    assert min(q["x"][0] for q in low) >= 40
    assert max(q["x"][0] for q in high) <= -40


IMAGE = TensorSpec("i", "UINT8", (-1, -1, -1, 3))


def test_golden_images_have_the_shapes_that_are_told() -> None:
    rows = [{"i": list(range(18))}, {"i": list(range(12))}]
    made = questions.from_golden(rows, [IMAGE], [{"i": [1, 2, 3, 3]}, {"i": [1, 4, 1, 3]}])
    assert [array["i"].shape for array in made] == [(1, 2, 3, 3), (1, 4, 1, 3)]
    assert made[0]["i"].dtype == np.uint8
    for wrong in ([1, 2, 3], [1, 3, 6, 1], [1, 2, 2, 3]):
        with pytest.raises(ConfigurationError, match="does not fit the model"):
            questions.from_golden(rows[:1], [IMAGE], [{"i": wrong}])


def test_only_images_of_one_size_are_asked_together() -> None:
    sizes = [(2, 2), (3, 3), (2, 2)]
    asked = [{"i": np.full((1, h, w, 3), n, np.uint8)} for n, (h, w) in enumerate(sizes)]
    together = questions.batch(asked, 5)["i"]
    assert together.shape == (5, 2, 2, 3)
    assert together[:, 0, 0, 0].tolist() == [0, 2, 0, 2, 0]


def test_golden_values_become_arrays() -> None:
    row = {"x": [1, None], "n": [3], "w": ["red"]}
    (made,) = questions.from_golden([row], [ROW, COUNT, WORD])
    assert made["x"].shape == (1, 2)
    assert np.isnan(made["x"][0, 1])
    assert made["n"].dtype == np.int64
    assert made["w"].dtype == object


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"n": [1]},
        {"x": [1, 2, 3], "n": [1]},
        {"x": [1, 2], "n": [None]},
        {"x": [1, 2], "n": 1},
        {"x": [1, "y"], "n": [1]},
    ],
)
def test_golden_values_that_do_not_fit_are_refused(row: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"requests\[0\] does not fit"):
        questions.from_golden([row], [ROW, COUNT])


def test_rows_of_a_calibration_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.ones((3, 2), "f4"), w=np.array([["a"], ["b"], ["c"]]))
    made = questions.from_npz(path, [ROW, TensorSpec("w", "BYTES", (-1, 1))])
    assert [q["w"][0, 0] for q in made] == ["a", "b", "c"]
    assert [q["x"].shape for q in made] == [(1, 2)] * 3


def test_a_calibration_file_may_say_what_is_right(tmp_path: Path) -> None:
    path, label = tmp_path / "rows.npz", TensorSpec("label", "BYTES", (-1, 1))
    np.savez(path, x=np.ones((2, 2), "f4"), label=np.array([["a"], ["b"]]))
    truth = questions.truth_from_npz(path, [label, COUNT], 2)
    assert [list(row) for row in truth] == [["label"], ["label"]]
    assert [row["label"][0, 0] for row in truth] == ["a", "b"]
    assert truth[0]["label"].dtype == object
    assert questions.truth_from_npz(path, [COUNT], 2) == []
    for specs, count in (([label], 3), ([TensorSpec("x", "FP32", (-1, 1))], 2)):
        with pytest.raises(ConfigurationError, match=r"rows\.npz does not fit"):
            questions.truth_from_npz(path, specs, count)


def test_a_model_of_fixed_rows_takes_that_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, f=np.arange(5, dtype="f4").reshape(5, 1))
    assert [q["f"].ravel().tolist() for q in questions.from_npz(path, [FIXED])] == [[0, 1], [2, 3]]
    assert not questions.has_free_rows([ROW, FIXED])
    assert questions.has_free_rows([ROW, COUNT])


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"x": np.ones((3, 2), "f4")},
        {"x": np.ones((3, 2), "f8"), "n": np.ones((3, 1), "i8")},
        {"x": np.ones((3, 1), "f4"), "n": np.ones((3, 1), "i8")},
        {"x": np.ones((3, 2), "f4"), "n": np.ones((2, 1), "i8")},
        {"x": np.ones((0, 2), "f4"), "n": np.ones((0, 1), "i8")},
        {"x": np.ones((3, 2), "f4"), "n": np.array([[{}]] * 3, dtype=object)},
    ],
)
def test_a_calibration_file_that_does_not_fit_is_refused(tmp_path: Path, arrays: Any) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(ConfigurationError, match=r"rows\.npz does not fit"):
        questions.from_npz(tmp_path / "rows.npz", [ROW, COUNT])


def test_what_is_no_calibration_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.npz").write_bytes(b"no zip")
    with pytest.raises(ConfigurationError, match=r"rows\.npz does not fit"):
        questions.from_npz(tmp_path / "rows.npz", [ROW])


def test_questions_survive_the_way_to_the_probe(tmp_path: Path) -> None:
    made = questions.made_up([ROW, WORD], 12)
    questions.save(tmp_path / "q.npz", made)
    read = questions.load(tmp_path / "q.npz")
    assert len(read) == 12
    assert read[11]["w"].dtype == object
    assert all((a["x"] == b["x"]).all() for a, b in zip(made, read, strict=True))


def test_a_batch_repeats_the_questions() -> None:
    made = questions.batch([{"x": np.array([[1.0]])}, {"x": np.array([[2.0]])}], 5)
    assert made["x"].ravel().tolist() == [1, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("cores", "threads"), [(1, []), (2, [2]), (4, [2, 4]), (6, [2, 4, 6]), (8, [2, 4, 8])]
)
def test_threads_up_to_the_cores_are_tried(cores: int, threads: list[int]) -> None:
    assert thread_counts(cores) == threads
    tried = candidates(cores, ["int8"])
    assert tried[0].name == "default"
    assert len({candidate.name for candidate in tried}) == len(tried)
    assert max(candidate.runtime.intra_op_threads for candidate in tried) <= cores
    assert sum(candidate.graph == "int8" for candidate in tried) == 1 + len(threads)


def test_cores_are_read() -> None:
    first = usable_cores()[0]
    assert parse_cores("") == usable_cores()
    assert parse_cores(f"{first}") == parse_cores(f"{first}-{first},{first}") == [first]
    assert describe_machine([first])["cores"] == [first]
    assert describe_machine([first])["cpu"]


@pytest.mark.parametrize("text", ["x", "0-", "-1", "3-1", "4000", "0,,1", "0-99999999999"])
def test_cores_that_are_not_there_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the cores are"):
        parse_cores(text)
