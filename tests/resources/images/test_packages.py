from pathlib import Path

import pytest

from protos.errors import ConfigurationError
from resources.images.packages import package_entries


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = tmp_path / "top_of_test"
    for folder in ("", "inner", "inner/deep", "beside", "inner/__pycache__", "inner/tests"):
        (top / folder).mkdir(exist_ok=True)
        (top / folder / "__init__.py").touch()
    (top / "inner/contract.proto").touch()
    (top / "inner/stub.pyi").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return top


def test_a_package_goes_in_with_its_data(packages: Path) -> None:
    paths = {entry.path for entry in package_entries(["top_of_test"], "opt")}
    assert paths == {
        "opt/top_of_test/__init__.py",
        "opt/top_of_test/beside/__init__.py",
        "opt/top_of_test/inner/__init__.py",
        "opt/top_of_test/inner/contract.proto",
        "opt/top_of_test/inner/deep/__init__.py",
    }


def test_a_subpackage_goes_in_without_its_neighbours(packages: Path) -> None:
    paths = {entry.path for entry in package_entries(["top_of_test.inner"], "opt")}
    assert "opt/top_of_test/__init__.py" in paths
    assert "opt/top_of_test/inner/deep/__init__.py" in paths
    assert not [path for path in paths if "beside" in path]


@pytest.mark.parametrize("name", ["missing_of_test", "missing_of_test.inner", "json.decoder"])
def test_what_is_no_package_is_told(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot go into an image"):
        package_entries([name], "opt")
