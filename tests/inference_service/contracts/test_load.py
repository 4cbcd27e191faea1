"""A contract that does not fit its model is refused when it is loaded, by name."""

import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.contracts import CONTRACT_FILE, SOURCE_FILE, load_contract
from inference_service.contracts.load import MAX_BYTES, MAX_FIELDS, MAX_METHODS
from inference_service.description import ModelDescription, TensorSpec
from protos.errors import ConfigurationError
from tests.inference_service.contracts.build import (
    ANSWER,
    FARE,
    HEAD,
    answer,
    compiled,
    described,
    load,
    question,
)

_X = TensorSpec("x", "FP32", (-1, 1))
_N = TensorSpec("n", "INT64", (-1, 1))
_S = TensorSpec("s", "BYTES", (-1, 1))
_XY = TensorSpec("xy", "FP32", (-1, 2))
_MODEL = described([_X], [FARE])
_GOOD = HEAD + question("optional double x") + ANSWER


@cache
def _good() -> bytes:
    return compiled(_GOOD)


@pytest.fixture
def good() -> bytes:
    return _good()


def test_a_good_contract(good: bytes) -> None:
    contract = load(good, _MODEL)
    assert list(contract.methods) == ["/tests.Taxi/Ask"]
    assert contract.methods["/tests.Taxi/Ask"].path == "/tests.Taxi/Ask"
    assert contract.service_names == ["tests.Taxi"]


def test_reflection_gets_files_that_stand_on_their_own(good: bytes) -> None:
    pool = DescriptorPool()
    for model in ("taxi", "another"):  # the same contract of two models: no file hides another
        described_again = ModelDescription(model, "a", _MODEL.digest, _MODEL.inputs, _MODEL.outputs)
        files = load(good, described_again).file_descriptors
        names = [FileDescriptorProto.FromString(file).name for file in files]
        assert names[-1] == f"{model}/contract.proto"
        assert "protos/contract.proto" in names
    for file in files:
        pool.AddSerializedFile(file)
    method = pool.FindMethodByName("tests.Taxi.Ask")
    assert [field.name for field in method.input_type.fields] == ["x"]


def test_a_folder_without_contract_has_none(tmp_path: Path) -> None:
    assert load_contract(tmp_path, _MODEL) is None


def test_a_contract_that_was_not_compiled_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / SOURCE_FILE).write_text(_GOOD)
    with pytest.raises(ConfigurationError, match=r"contract\.binpb is missing"):
        load_contract(tmp_path, _MODEL)


def test_files_that_are_no_contract_are_refused(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / CONTRACT_FILE
    for data, text in [
        (b"", "0 files"),
        (b"\xff\xff", "damaged"),
        (good[:-3], "damaged"),
        (bytes(MAX_BYTES + 1), "too large"),
        (FileDescriptorSet(file=[FileDescriptorProto()] * 65).SerializeToString(), "65 files"),
    ]:
        path.write_bytes(data)
        with pytest.raises(ConfigurationError, match=text) as refused:
            load_contract(tmp_path, _MODEL)
        assert str(tmp_path) not in str(refused.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read") as refused:
        load_contract(tmp_path, _MODEL)
    assert str(tmp_path) not in str(refused.value)


def test_a_set_without_its_imports_is_refused(good: bytes) -> None:
    whole = FileDescriptorSet.FromString(good)
    alone = FileDescriptorSet(file=whole.file[-1:])
    with pytest.raises(ConfigurationError, match=r"contract\.proto is not valid"):
        load(alone.SerializeToString(), _MODEL)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_descriptor_is_read_or_refused(data: st.DataObject) -> None:
    good = _good()
    place = data.draw(st.integers(len(good) - 300, len(good) - 1))
    byte = data.draw(st.integers(0, 255))
    with suppress(ConfigurationError):
        load(good[:place] + bytes([byte]) + good[place + 1 :], _MODEL)


_TWO = [_X, _N]
_CASES: list[tuple[str, list[TensorSpec], str]] = [
    (question("optional double y"), [_X], "stands for the input 'y'"),
    (question("optional double a [(input) = 'b']"), [_X], "stands for the input 'b'"),
    (question("optional double x"), _TWO, "no field for the input n"),
    (question("double x"), [_X], "cannot tell unset from zero"),
    (question("double x [(default) = '1']"), [_X], "without `optional` an unset field is zero"),
    (question("optional string x"), [_X], "holds a text: the model takes FP32"),
    (question("optional double n"), [_N], "holds a number: the model takes INT64"),
    (question("optional bool s"), [_S], "holds true or false: the model takes BYTES"),
    ("message M {}" + question("optional M x"), [_X], "is a message"),
    (question("map<string, double> x"), [_X], "is a message"),
    ("message Question { oneof o { double x = 1; } }", [_X], "in the oneof o"),
    (question("optional double x", "optional double z [(input) = 'x']"), [_X], "several fields"),
    (question("optional double xy"), [_XY], "2 columns: 1 have a field"),
    (question("optional double xy [(column) = 0]"), [_XY], "2 columns: 1 have a field"),
    (question("optional double xy [(column) = 2]"), [_XY], "there are 2, from 0"),
    (
        question("optional double a [(input) = 'xy', (column) = 0]")
        .replace("}", "optional double b = 2 [(input) = 'xy', (column) = 0]; }")
        .replace("[(input)", "[(edge_assets.contract.input)")
        .replace(", (column)", ", (edge_assets.contract.column)"),
        [_XY],
        r"columns \[0, 0\]",
    ),
    (question("repeated double x", "optional int64 n"), _TWO, "mixes rows"),
    (question("repeated double x [(default) = '1']"), [_X], "it is repeated"),
    (question("optional double x"), [TensorSpec("x", "FP32", (5,))], "it cannot have one row"),
    (question("optional double x"), [TensorSpec("x", "FP32", (5, 1))], "it cannot have one row"),
    (question("repeated double x"), [TensorSpec("x", "FP32", (1,))], "any number of rows"),
    (question("repeated float x"), [TensorSpec("x", "FP32", (-1, -1, 3))], "no certain shape"),
    (question("optional float x"), [TensorSpec("x", "FP32", (-1, -1))], "not repeated"),
    (question("optional double x [(minimum) = 2, (maximum) = 1]"), [_X], "no value can be"),
    (question("optional string s [(minimum) = 2]"), [_S], "has bounds: it holds a text"),
    (question("optional int32 n [(non_finite) = true]"), [_N], "it holds an integer"),
    (question("optional double x [(allowed) = '1']"), [_X], "give bounds"),
    (question("optional int32 n [(allowed) = 'one']"), [_N], "expected an integer"),
    (question("optional int32 n [(default) = '1.5']"), [_N], "expected an integer"),
    (question("optional double x [(default) = 'one']"), [_X], "expected a number"),
    (question("optional double x [(default) = '1e300']"), [_X], "default of no use"),
    (question("optional double x [(default) = '9', (maximum) = 5]"), [_X], "default of no use"),
    (
        question("optional double x [(default) = '9', (maximum) = 5, (on_violation) = WARN]"),
        [_X],
        "default of no use",
    ),
    (
        "enum E { A = 0; }" + question("optional E n [(allowed) = 'B']"),
        [_N],
        "the enum has no such value",
    ),
    ("enum E { A = 0; }" + question("optional E n [(default) = 'B']"), [_N], "expected one of A"),
    (question("optional double x [(on_violation) = WARN]"), [_X], "neither bounds nor allowed"),
    (question("optional double x [(output) = 'fare']"), [_X], "means nothing in a request"),
]


@pytest.mark.parametrize(("text", "inputs", "why"), _CASES, ids=[case[2] for case in _CASES])
def test_a_request_that_does_not_fit_is_refused(
    text: str, inputs: list[TensorSpec], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        load(compiled(HEAD + text + ANSWER), described(inputs, [FARE]))
    assert refused.value.what.startswith("contract: ")
    assert refused.value.remedy


_WARN = question("optional double x [(maximum) = 1, (on_violation) = WARN]")
_ROWS = question("repeated double x")
_ASK = question("optional double x")
_ANSWERS: list[tuple[str, str, str]] = [
    (_ASK, answer("float price"), "tells the output 'price': the model has fare, pair"),
    (_ASK, answer("int32 fare"), "holds an integer: the model gives FP32"),
    (_ASK, answer("repeated string warnings"), "tells no output"),
    (_ASK, answer("float fare", "string warnings"), "tells the output 'warnings'"),
    (_ASK, answer("float fare", "string w [(warnings) = true]"), "it is no `repeated string`"),
    (_ASK, answer("float fare [(minimum) = 1]"), "means nothing in an answer"),
    (_ASK, answer("float pair"), "several: give a column"),
    (_ASK, answer("float pair [(column) = 2]"), "there are 2, from 0"),
    (_ASK, answer("repeated float pair [(column) = 1]"), "a column has one value a row"),
    (_ROWS, answer("float fare"), "is not repeated"),
    (_ROWS, answer("repeated float pair"), "several: give a column"),
    (_WARN, answer("float fare"), "nowhere to tell it"),
]


@pytest.mark.parametrize(("ask", "tell", "why"), _ANSWERS, ids=[case[2] for case in _ANSWERS])
def test_an_answer_that_does_not_fit_is_refused(ask: str, tell: str, why: str) -> None:
    model = described([_X], [FARE, TensorSpec("pair", "FP32", (-1, 2))])
    with pytest.raises(ConfigurationError, match=why):
        load(compiled(HEAD + ask + tell), model)


_SERVICE = "service Taxi { rpc Ask(Question) returns (Answer); }"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("(Question)", "(stream Question)", "Ask is a stream"),
        ("(Answer)", "(stream Answer)", "Ask is a stream"),
        ("package tests", "package inference", "the package inference is taken"),
        ("package tests", "package inference.taxi", "is taken"),
        ("package tests", "package grpc.health.v1", "is taken"),
        (_SERVICE, "", "0 methods"),
        (_SERVICE, "service Taxi {}", "0 methods"),
        ('syntax = "proto3"', 'syntax = "proto2"', "not proto3"),
    ],
)
def test_a_service_that_cannot_be_served_is_refused(old: str, new: str, why: str) -> None:
    assert old in _GOOD
    text = _GOOD.replace(old, new)
    if "proto2" in new:
        text = text.replace("float fare", "optional float fare")
    with pytest.raises(ConfigurationError, match=why):
        load(compiled(text), _MODEL)


def test_what_is_too_large_is_refused() -> None:
    methods = "".join(f"rpc Ask{n}(Question) returns (Answer);" for n in range(MAX_METHODS + 1))
    with pytest.raises(ConfigurationError, match="65 methods"):
        load(compiled(_GOOD.replace(_SERVICE, f"service Taxi {{ {methods} }}")), _MODEL)
    fields = question(*(f"optional double x{n}" for n in range(MAX_FIELDS + 1)))
    with pytest.raises(ConfigurationError, match=r"Question is too large: it has over 1000 fields"):
        load(compiled(HEAD + fields + ANSWER), _MODEL)


def test_a_package_that_only_begins_like_ours_is_served() -> None:
    text = _GOOD.replace("package tests", "package inferences")
    assert list(load(compiled(text), _MODEL).methods) == ["/inferences.Taxi/Ask"]
    without = _GOOD.replace("package tests;", "")
    assert list(load(compiled(without), _MODEL).methods) == ["/Taxi/Ask"]


def test_an_option_of_a_newer_service_is_refused(good: bytes) -> None:
    files = FileDescriptorSet.FromString(good)
    options = files.file[-1].message_type[0].field[0].options
    options.MergeFromString(b"\xb8\xf9\x1b\x01")  # field 57239, varint 1
    with pytest.raises(ConfigurationError, match="option 57239: this service does not know it"):
        load(files.SerializeToString(), _MODEL)


def test_no_transport_is_imported() -> None:
    code = "import sys, inference_service.contracts; print([m for m in sys.modules if 'grpc' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
