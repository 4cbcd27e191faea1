"""A new model in the place of the old: proven, then switched; whatever is wrong, the old serves."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inference_service.errors import ModelNotServing
from inference_service.repository import ModelRepository, ServedModel
from protos.digests import digest_bytes
from tests.inference_service.repository.folders import (
    describe,
    digest_of,
    fare,
    fare_at,
    flip_a_bit,
    golden,
    plain_onnx,
    replaced_by,
    version,
)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return version(tmp_path / "served", "1", per_mile=1)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return golden(version(tmp_path / "new", "2", per_mile=2), [3.0, 5.0, 7.0])


def test_a_new_model_takes_the_place_of_the_old(served: Path, new: Path) -> None:
    repository = ModelRepository(served)
    old, generation = repository.find("taxi"), repository.generation
    replaced_by(served, new)
    assert repository.check()
    model = repository.find("taxi")
    assert (model.version, model.proven) == ("2", True)
    assert model.properties["proof"] == "golden"
    assert fare(model) == fare_at(2)
    assert fare(old) == fare_at(1)  # whoever holds it may finish
    assert repository.generation > generation
    assert not repository.check()


@pytest.mark.parametrize(
    "order",
    [
        ["model.json", "golden.json", "model.onnx"],
        ["model.onnx", "golden.json", "model.json"],
        ["golden.json", "model.onnx", "model.json"],
    ],
)
def test_a_copy_file_by_file_serves_the_old_until_it_is_complete(
    served: Path, new: Path, order: list[str]
) -> None:
    repository = ModelRepository(served)
    for name in order[:-1]:
        replaced_by(served, new, [name])
        repository.check()
        assert fare(repository.find("taxi")) == fare_at(1)
        assert repository.ready("taxi")
    assert repository.find("taxi").swap_refused
    data = (new / order[-1]).read_bytes()
    (served / order[-1]).write_bytes(data[: len(data) // 2])
    repository.check()
    assert fare(repository.find("taxi")) == fare_at(1)
    (served / order[-1]).write_bytes(data)
    assert repository.check()
    model = repository.find("taxi")
    assert fare(model) == fare_at(2)
    assert (model.swap_refused, model.corrupt_on_disk) == ("", False)


def _wrong_answers(new: Path) -> None:
    golden(new, [3.0, 5.0, 7.5])


def _golden_of_another(new: Path) -> None:
    golden(new, [3.0], model_digest="sha256:" + "0" * 64)


def _broken_golden(new: Path) -> None:
    (new / "golden.json").write_text("{")


def _corrupt(new: Path) -> None:
    flip_a_bit(new / "model.onnx")


def _not_onnx(new: Path) -> None:
    (new / "golden.json").unlink()
    (new / "model.onnx").write_bytes(b"not a model")
    describe(new, digest=digest_bytes(b"not a model"))


def _other_tensors(new: Path) -> None:
    describe(new, inputs=[{"name": "miles", "datatype": "FP32", "shape": [-1, 1]}])


def _no_json(new: Path) -> None:
    (new / "model.json").write_text("[]")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_wrong_answers, "1 of 3 golden answers wrong: question 2"),
        (_golden_of_another, "golden.json is of another model"),
        (_broken_golden, "golden.json is not JSON"),
        (_corrupt, "model.onnx does not have its digest"),
        (_not_onnx, "onnxruntime refuses it"),
        (_other_tensors, "disagree on input"),
        (_no_json, "model.json"),
    ],
)
def test_a_bad_new_model_is_refused_and_the_old_serves_on(
    served: Path,
    new: Path,
    harm: Callable[[Path], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    repository = ModelRepository(served)
    good = {path.name: path.read_bytes() for path in served.iterdir()}
    harm(new)
    replaced_by(served, new)
    assert repository.check()
    model = repository.find("taxi")
    assert fare(model) == fare_at(1)
    assert repository.ready()
    assert reason in model.swap_refused
    assert str(served) not in model.swap_refused
    assert model.properties["swap_refused"] == model.swap_refused
    assert model.properties["disk_state"] == "corrupt"
    assert reason in caplog.text
    assert not repository.check()

    (served / "golden.json").unlink(missing_ok=True)
    for name, data in good.items():
        (served / name).write_bytes(data)
    assert repository.check()
    assert "swap_refused" not in repository.find("taxi").properties
    assert repository.find("taxi").engine is model.engine
    assert repository.find("taxi").properties["disk_state"] == "verified"


@pytest.mark.parametrize("harm", [_wrong_answers, _golden_of_another, _broken_golden])
def test_a_model_without_its_proof_is_not_served_at_start(
    new: Path, harm: Callable[[Path], None]
) -> None:
    harm(new)
    repository = ModelRepository(new)
    with pytest.raises(ModelNotServing, match="golden"):
        repository.find("taxi")
    assert not repository.ready("taxi")
    golden(new, [3.0, 5.0])
    assert repository.check()
    assert repository.find("taxi").proven


def test_a_changed_description_of_the_same_bytes_is_taken(served: Path) -> None:
    repository = ModelRepository(served)
    describe(served, version="1b")
    assert repository.check()
    assert repository.find("taxi", "1b").properties["disk_state"] == "verified"


def test_proof_that_comes_later_is_asked_for(served: Path) -> None:
    repository = ModelRepository(served)
    golden(served, [3.0, 4.0])
    assert repository.check()
    assert repository.find("taxi").proven
    golden(served, [3.0, 9.0])
    assert repository.check()
    model = repository.find("taxi")
    assert model.proven
    assert "golden answers wrong" in model.swap_refused
    assert model.properties["disk_state"] == "verified"


def test_a_swap_to_another_digest_than_the_expected_is_refused(served: Path, new: Path) -> None:
    repository = ModelRepository(served, digest_of(served))
    replaced_by(served, new)
    repository.check()
    model = repository.find("taxi")
    assert fare(model) == fare_at(1)
    assert "another model than the one asked for" in model.swap_refused


def test_a_file_that_vanishes_is_told_and_the_model_serves_on(served: Path) -> None:
    repository = ModelRepository(served)
    shutil.rmtree(served)
    repository.check()
    model = repository.find("taxi")
    assert model.corrupt_on_disk
    assert fare(model) == fare_at(1)


def test_a_special_file_is_refused_and_never_waited_for(served: Path) -> None:
    (served / "model.json").unlink()
    os.mkfifo(served / "model.json")
    repository = ModelRepository(served)
    with pytest.raises(ModelNotServing, match="expected a plain file"):
        repository.find("taxi")


def test_a_write_within_one_step_of_the_clock_is_seen(served: Path) -> None:
    """The same size and time of change: only that the time was recent gives it away."""
    repository = ModelRepository(served)
    path = served / "model.json"
    before = path.stat()
    changed = path.read_text().replace('"version": "1"', '"version": "9"')
    path.write_text(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    repository.check()
    assert repository.ready("taxi", "9")


def test_a_bare_file_is_swapped_once_it_is_no_longer_written(tmp_path: Path) -> None:
    path = plain_onnx(tmp_path / "double.onnx")
    repository = ModelRepository(path)
    old = repository.find("double")
    data = plain_onnx(tmp_path / "other.bin", 3.0).read_bytes()
    path.write_bytes(data[:60])
    _settle(path)
    assert not repository.check()
    path.write_bytes(data)
    _settle(path)
    assert not repository.check()
    assert repository.find("double") is old
    assert repository.check()
    assert repository.find("double").description.digest == digest_bytes(data)


def test_a_cut_off_bare_file_is_refused_and_the_old_serves_on(tmp_path: Path) -> None:
    path = plain_onnx(tmp_path / "double.onnx")
    repository = ModelRepository(path)
    good = path.read_bytes()
    path.write_bytes(good[:60])
    _settle(path)
    repository.check()
    repository.check()
    model = repository.find("double")
    assert "onnxruntime refuses it" in model.swap_refused
    assert model.corrupt_on_disk


def test_a_new_bare_file_waits_until_it_is_no_longer_written(tmp_path: Path) -> None:
    plain_onnx(tmp_path / "a.onnx")
    repository = ModelRepository(tmp_path)
    _settle(plain_onnx(tmp_path / "b.onnx"))
    repository.check()
    with pytest.raises(ModelNotServing, match="two looks"):
        repository.find("b")
    repository.check()
    assert isinstance(repository.find("b"), ServedModel)


def _settle(path: Path) -> None:
    """Makes the file look as if it had been written a while ago, to the second."""
    seconds = int(path.stat().st_mtime) - 5
    os.utime(path, (seconds, seconds))


def test_the_contract_is_loaded_with_its_model(served: Path) -> None:
    asked: list[tuple[Path, str]] = []

    def load_contract(folder: Path, description: object) -> None:
        asked.append((folder, json.loads((folder / "model.json").read_bytes())["version"]))

    repository = ModelRepository(served, load_contract=load_contract)
    assert asked == [(served, "1")]
    (served / "contract.binpb").write_bytes(b"new")
    assert repository.check()
    assert len(asked) == 2
