"""The build of a contract: the real compiler, errors with their line, files in the model folder."""

import importlib.util
import json
from pathlib import Path

import pytest

from inference_service.contracts import CONTRACT_FILE, SOURCE_FILE, load_contract
from inference_service.description import parse_description
from protos.errors import ConfigurationError
from resources.contracts import add_contract, compile_contract

_CONTRACT = """syntax = "proto3";
package tests;
import "protos/contract.proto";
service Taxi { rpc Ask(Question) returns (Answer); }
message Question {
  optional double x = 1 [(edge_assets.contract.minimum) = 0];
}
message Answer { float fare = 1; }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "of_taxi.proto"
    path.write_text(_CONTRACT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    tensor = {"datatype": "FP32", "shape": [-1, 1]}
    description = {
        "name": "taxi",
        "version": "aaaaaaaaaaaa",
        "digest": "sha256:" + "a" * 64,
        "inputs": [{"name": "x"} | tensor],
        "outputs": [{"name": "fare"} | tensor],
    }
    (path / "model.json").write_text(json.dumps(description))
    return path


def test_both_files_come_into_the_folder_and_are_served(source: Path, folder: Path) -> None:
    add_contract(source, folder)
    assert (folder / SOURCE_FILE).read_text() == _CONTRACT
    assert (folder / CONTRACT_FILE).read_bytes() == compile_contract(source)
    contract = load_contract(folder, parse_description((folder / "model.json").read_bytes()))
    assert contract is not None
    assert list(contract.methods) == ["/tests.Taxi/Ask"]


def test_a_contract_may_import_what_lies_beside_it(source: Path, folder: Path) -> None:
    (source.parent / "answer.proto").write_text(
        'syntax = "proto3"; package tests; message Answer { float fare = 1; }'
    )
    without = _CONTRACT.replace("message Answer { float fare = 1; }", "")
    source.write_text(without.replace("package tests;", 'package tests; import "answer.proto";'))
    add_contract(source, folder)
    assert load_contract(folder, parse_description((folder / "model.json").read_bytes()))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("double x", "dubble x", "of_taxi.proto:6:12: "),
        ("minimum", "minimal", "of_taxi.proto:6:"),
        ("protos/contract.proto", "nowhere.proto", "of_taxi.proto:3:1: "),
    ],
)
def test_a_mistake_is_named_by_its_line(source: Path, old: str, new: str, where: str) -> None:
    source.write_text(_CONTRACT.replace(old, new))
    with pytest.raises(ConfigurationError, match="does not compile") as refused:
        compile_contract(source)
    assert where in refused.value.why
    assert refused.value.remedy


def test_a_contract_that_does_not_fit_leaves_the_folder_as_it_was(
    source: Path, folder: Path
) -> None:
    source.write_text(_CONTRACT.replace("double x", "double y"))
    with pytest.raises(ConfigurationError, match="stands for the input 'y'"):
        add_contract(source, folder)
    assert [path.name for path in folder.iterdir()] == ["model.json"]


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="is not there"):
        compile_contract(tmp_path / "none.proto")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="pip install grpcio-tools"):
        compile_contract(tmp_path / "none.proto")
