from pathlib import Path

import pytest

from edge.device.folder import DeviceFolder, Memory, read_json, write_json


def test_a_device_remembers(tmp_path: Path) -> None:
    memory = Memory({"$version": 3}, 3, {("scorer", 8081): 50051})
    DeviceFolder(tmp_path / "line-1").remember(memory)
    assert DeviceFolder(tmp_path / "line-1").recall() == memory
    assert (tmp_path / "line-1" / "agent.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ports": 3}', '{"desired": {}}'])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    folder = DeviceFolder(tmp_path)
    (tmp_path / "agent.json").write_text(text)
    assert folder.recall() == Memory()


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_model_in_use_is_kept(tmp_path: Path) -> None:
    folder = DeviceFolder(tmp_path)
    old, new = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    folder.model("scorer", old).mkdir(parents=True)
    folder.model("scorer", new).mkdir(parents=True)
    folder.keep_model("scorer", new)
    assert not folder.model("scorer", old).exists()
    assert folder.model("scorer", new).exists()
    folder.keep_model("never-there", new)
