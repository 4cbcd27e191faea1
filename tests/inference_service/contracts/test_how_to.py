"""The contract of the how-to does what its table says."""

import re
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from inference_service.contracts import TypedMethod
from inference_service.description import TensorSpec
from inference_service.errors import InvalidRequest
from tests.docs.markdown import DOCS, parts
from tests.inference_service.contracts.build import compiled, described, load

_PAGE = DOCS / "how-to" / "typed-contract.md"
_MODEL = described(
    [TensorSpec("x1", "FP32", (-1, 1)), TensorSpec("x2", "FP32", (-1, 1))],
    [TensorSpec("label", "INT64", (-1,))],
)


@pytest.fixture(scope="module")
def data() -> bytes:
    return compiled(next(part.text for part in parts(_PAGE) if part.language == "text"))


@pytest.fixture(scope="module")
def method(data: bytes) -> TypedMethod:
    return load(data, _MODEL).methods["/tooling.Inference/GetRecommendation"]


@pytest.fixture(scope="module")
def request_class(data: bytes) -> Any:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(data).file:
        pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("tooling.InferenceRequest"))


def _row_of_table(sent: str) -> str:
    row = re.search(
        rf"^\| {re.escape(sent)} \| .*`(field .*)` \|$", _PAGE.read_text(), re.MULTILINE
    )
    assert row, sent
    return row[1]


@pytest.mark.parametrize(
    ("sent", "fields"), [("no `x1`", {"x2": 1}), ("`x2 = -21`", {"x1": 1, "x2": -21})]
)
def test_refused_as_told(
    method: TypedMethod, request_class: Any, sent: str, fields: dict[str, float]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        method.decode(request_class(**fields).SerializeToString())
    assert str(refused.value) == _row_of_table(sent)


def test_answered_as_told(method: TypedMethod, request_class: Any) -> None:
    zero = method.decode(request_class(x1=0, x2=0).SerializeToString())
    assert zero.warnings == []
    warned = method.decode(request_class(x1=21, x2=0).SerializeToString())
    assert warned.warnings == [_row_of_table("`x1 = 21`")]
