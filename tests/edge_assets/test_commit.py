"""The commit of the code, where there is one."""

import subprocess
from pathlib import Path

import pytest

from edge_assets.commit import VARIABLE, commit_of


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(
        ["git", *who, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "models" / "wine"
    folder.mkdir(parents=True)
    (folder / "train.py").write_text("A = 1\n")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "-m", "one")
    return folder


def test_the_commit_and_whether_files_differ_from_it(model: Path, tmp_path: Path) -> None:
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert commit_of(model) == commit
    (tmp_path / "elsewhere").write_text("not of this model")
    assert commit_of(model) == commit
    (model / "train.py").write_text("A = 2\n")
    assert commit_of(model) == f"{commit} + changes"


def test_a_variable_names_it_where_there_is_no_repository(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "release-7")
    assert commit_of(model) == "release-7"


def test_none_outside_of_a_repository_or_without_git(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    assert commit_of(outside) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(model) is None
