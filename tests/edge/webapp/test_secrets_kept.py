from pathlib import Path

import pytest

from edge.webapp.secrets_kept import SECRET_KEY_FILE, keep, secret_key
from protos.errors import ConfigurationError


def test_a_key_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = secret_key(data)
    assert len(key) > 60
    assert secret_key(data) == key
    assert (data / SECRET_KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert secret_key(tmp_path / "other") != key
    assert [path.name for path in data.iterdir()] == [SECRET_KEY_FILE]


def test_who_comes_second_keeps_the_first_key(tmp_path: Path) -> None:
    assert keep(tmp_path / "key", "first")
    assert not keep(tmp_path / "key", "second")
    assert (tmp_path / "key").read_text() == "first\n"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_can_touch_is_not_used(mode: int, tmp_path: Path) -> None:
    secret_key(tmp_path)
    (tmp_path / SECRET_KEY_FILE).chmod(mode)
    with pytest.raises(ConfigurationError, match=f"{mode:o}"):
        secret_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64])
def test_a_damaged_key_is_told_and_not_replaced(content: bytes, tmp_path: Path) -> None:
    secret_key(tmp_path)
    (tmp_path / SECRET_KEY_FILE).write_bytes(content)
    with pytest.raises(ConfigurationError, match="delete the file"):
        secret_key(tmp_path)
    assert (tmp_path / SECRET_KEY_FILE).read_bytes() == content


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="WEBAPP_DATA"):
        secret_key(tmp_path / "file")
