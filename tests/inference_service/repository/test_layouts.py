"""What lies under the path: one file, one folder, a folder of models; and which model is meant."""

import shutil
from pathlib import Path

import pytest

from inference_service.errors import ModelNotServing, UnknownModel
from inference_service.repository import ModelRepository, RefusedModel, places
from inference_service.repository import repository as repository_module
from protos.digests import digest_bytes, short
from tests.inference_service.models import taxi_model
from tests.inference_service.repository.folders import (
    fare,
    fare_at,
    flip_a_bit,
    plain_onnx,
    version,
    written_at,
)


def test_one_model_folder(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    repository = ModelRepository(tmp_path)
    model = repository.find("taxi")
    assert repository.find("taxi", model.version) is model
    assert fare(model) == fare_at(2.5)
    assert model.properties == {
        "model_digest": model.description.digest,
        "disk_state": "verified",
        "proof": "none",
    }
    assert repository.ready()
    assert not repository.check()
    assert repository.generation == 1


def test_a_bare_file_is_called_as_the_file(tmp_path: Path) -> None:
    path = plain_onnx(tmp_path / "double.onnx")
    model = ModelRepository(path).find("double")
    digest = digest_bytes(path.read_bytes())
    assert (model.version, model.description.digest) == (short(digest), digest)
    assert model.description.inputs[0].shape == (-1, 3)


def test_a_folder_of_models_files_and_versions(tmp_path: Path) -> None:
    version(tmp_path / "north", "a", per_mile=1, name="north")
    version(tmp_path / "taxi" / "1", "1", per_mile=2)
    version(tmp_path / "taxi" / "2", "2", per_mile=3)
    plain_onnx(tmp_path / "double.onnx")
    (tmp_path / ".hidden").mkdir()
    taxi_model(tmp_path / ".hidden" / "x")
    (tmp_path / "notes.txt").write_text("no model")
    (tmp_path / "empty").mkdir()
    repository = ModelRepository(tmp_path)
    names = [(state.name, state.version) for state in repository.states()]
    assert [name for name, _ in names] == ["double", "north", "taxi", "taxi"]
    assert fare(repository.find("north")) == fare_at(1)
    assert fare(repository.find("taxi", "1")) == fare_at(2)
    assert fare(repository.find("taxi")) == fare_at(3)
    assert repository.ready()


def test_texts_of_one_model(tmp_path: Path) -> None:
    version(tmp_path, "7", per_mile=2)
    repository = ModelRepository(tmp_path)
    with pytest.raises(UnknownModel) as unknown:
        repository.find("cab")
    assert str(unknown.value) == "model_name: got 'cab', expected 'taxi'"
    with pytest.raises(UnknownModel) as other:
        repository.find("taxi", "8")
    assert str(other.value) == "model_version of 'taxi': got '8', expected '7' or none"
    assert not repository.ready("cab")
    assert not repository.ready("taxi", "8")


def test_texts_of_several_models(tmp_path: Path) -> None:
    version(tmp_path / "a", "1", per_mile=1, name="a")
    version(tmp_path / "b" / "1", "1", per_mile=1, name="b")
    version(tmp_path / "b" / "2", "2", per_mile=1, name="b")
    repository = ModelRepository(tmp_path)
    with pytest.raises(UnknownModel) as unknown:
        repository.find("c")
    assert str(unknown.value) == "model_name: got 'c', expected 'a', 'b'"
    with pytest.raises(UnknownModel) as other:
        repository.find("b", "3")
    assert str(other.value) == "model_version of 'b': got '3', expected '1', '2' or none"


def test_a_folder_whose_name_is_unknown_refuses_every_name(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    (tmp_path / "model.json").write_text("{")
    repository = ModelRepository(tmp_path)
    with pytest.raises(ModelNotServing, match=r"model\.json is not JSON"):
        repository.find("anything")
    assert repository.states()[0].name == ""
    assert not repository.ready()


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_path_waits_for_its_model(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "model"
    if exists:
        path.mkdir()
    repository = ModelRepository(path)
    for _ in range(3):
        with pytest.raises(ModelNotServing, match=r"model\.json cannot be read") as refused:
            repository.find("taxi")
        assert str(tmp_path) not in str(refused.value)
        assert not repository.check()
    taxi_model(path)
    assert repository.check()
    assert fare(repository.find("taxi")) == fare_at(2.5)


def test_an_empty_path_may_become_a_folder_of_models(tmp_path: Path) -> None:
    repository = ModelRepository(tmp_path)
    version(tmp_path / "taxi", "1", per_mile=1)
    repository.check()
    assert repository.ready("taxi")
    repository.check()
    assert [state.name for state in repository.states()] == ["taxi"]
    shutil.rmtree(tmp_path / "taxi")
    for _ in range(4):
        repository.check()
    assert not repository.ready()
    with pytest.raises(ModelNotServing):
        repository.find("taxi")


def test_versions_that_are_no_numbers_follow_the_time_of_their_files(tmp_path: Path) -> None:
    for place, (name, written) in enumerate([("x", 300), ("y", 100), ("z", 200)]):
        folder = version(tmp_path / "taxi" / name, name, per_mile=place)
        written_at(folder, written)
    assert ModelRepository(tmp_path).find("taxi").version == "x"


def test_a_refused_version_leaves_the_older_one_as_the_newest(tmp_path: Path) -> None:
    version(tmp_path / "taxi" / "1", "1", per_mile=1)
    flip_a_bit(version(tmp_path / "taxi" / "2", "2", per_mile=2) / "model.onnx")
    repository = ModelRepository(tmp_path)
    assert repository.find("taxi").version == "1"
    assert repository.ready("taxi")
    assert repository.ready()
    assert not repository.ready("taxi", "2")
    with pytest.raises(ModelNotServing, match=r"model\.onnx does not have its digest"):
        repository.find("taxi", "2")


def test_a_broken_folder_is_known_by_its_own_name(tmp_path: Path) -> None:
    version(tmp_path / "a", "1", per_mile=1, name="a")
    broken = version(tmp_path / "b" / "5", "5", per_mile=1, name="b")
    (broken / "model.json").unlink()
    repository = ModelRepository(tmp_path)
    with pytest.raises(ModelNotServing, match=r"model\.json cannot be read"):
        repository.find("b", "5")
    assert not repository.ready()


def test_two_folders_of_one_version_are_told_apart(tmp_path: Path) -> None:
    written_at(version(tmp_path / "a", "1", per_mile=1), 100)
    written_at(version(tmp_path / "b", "1", per_mile=2), 200)
    repository = ModelRepository(tmp_path)
    assert fare(repository.find("taxi", "1")) == fare_at(1)
    (double,) = [state for state in repository.states() if isinstance(state, RefusedModel)]
    assert double.reason == "this version is served from another folder"
    shutil.rmtree(tmp_path / "a")
    assert not repository.check()
    assert repository.check()
    assert fare(repository.find("taxi", "1")) == fare_at(2)


def test_models_come_and_go(tmp_path: Path) -> None:
    version(tmp_path / "taxi" / "1", "1", per_mile=1)
    repository = ModelRepository(tmp_path)
    version(tmp_path / "taxi" / "2", "2", per_mile=2)
    assert repository.check()
    assert repository.find("taxi").version == "2"
    shutil.rmtree(tmp_path / "taxi" / "2")
    assert not repository.check()  # it may be about to be replaced
    assert repository.check()
    assert repository.find("taxi").version == "1"


def test_a_folder_replaced_by_renaming_is_never_missing(tmp_path: Path) -> None:
    models = tmp_path / "models"
    version(models / "taxi", "1", per_mile=1)
    repository = ModelRepository(models)
    (models / "taxi").rename(tmp_path / "old")
    repository.check()
    assert fare(repository.find("taxi")) == fare_at(1)
    version(tmp_path / "new", "2", per_mile=2).rename(models / "taxi")
    assert repository.check()
    assert fare(repository.find("taxi")) == fare_at(2)


def test_a_path_that_cannot_be_listed_keeps_what_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = tmp_path / "models"
    version(models / "taxi", "1", per_mile=1)
    repository = ModelRepository(models)
    models.rename(tmp_path / "away")
    for _ in range(3):
        repository.check()
    assert fare(repository.find("taxi")) == fare_at(1)
    assert [line for line in caplog.messages if "cannot be listed" in line] == [
        "the models cannot be listed: No such file or directory"
    ]
    assert repository.find("taxi").corrupt_on_disk


def test_no_more_models_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "MAX_MODELS", 2)
    for name in "abc":
        version(tmp_path / name, "1", per_mile=1, name=name)
    repository = ModelRepository(tmp_path)
    assert [state.name for state in repository.states()] == ["a", "b"]


def test_only_the_expected_digest_is_served(tmp_path: Path) -> None:
    version(tmp_path / "a", "1", per_mile=1, name="a")
    wanted = version(tmp_path / "b", "1", per_mile=2, name="b")
    digest = digest_bytes((wanted / "model.onnx").read_bytes())
    repository = ModelRepository(tmp_path, digest)
    assert repository.ready("b")
    with pytest.raises(ModelNotServing, match="another model than the one asked for"):
        repository.find("a")


def test_a_recent_file_looks_different_at_every_look(tmp_path: Path) -> None:
    """Changed twice within one step of the file system's clock, it would look the same."""
    path = plain_onnx(tmp_path / "a.onnx")
    written = path.stat().st_mtime_ns
    assert places._look(path, written + 1) != places._look(path, written + 2)
    later = written + 1_000_000_000
    assert places._look(path, later) == places._look(path, later + 1)
    assert places._look(path, written - later) == places._look(path, written - 1)
