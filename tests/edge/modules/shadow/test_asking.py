import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.modules.shadow.asking import UnfitQuestion, request_of, shape_of
from edge.modules.shadow.questions import Answer, as_pair, read_question
from edge.modules.wire import decode_values
from protos import inference_pb2 as pb
from protos.comparison import input_hashes

from .bench import CHAMPION, captured

_TENSOR = pb.ModelMetadataResponse.TensorMetadata
TAXI = pb.ModelMetadataResponse(
    name="taxi",
    inputs=[
        _TENSOR(name="distance", datatype="FP32", shape=[-1, 1]),
        _TENSOR(name="passengers", datatype="INT64", shape=[-1, 1]),
    ],
)


def test_a_captured_question_is_asked_as_it_was() -> None:
    request = request_of(TAXI, read_question(captured("q1", 2.0, None, 4.5)))
    assert (request.id, request.model_name) == ("q1", "taxi")
    assert [list(tensor.shape) for tensor in request.inputs] == [[3, 1], [3, 1]]
    distances = decode_values("FP32", request.raw_input_contents[0])
    assert (distances[0], distances[2]) == (2.0, 4.5)
    assert math.isnan(distances[1]), "null stands for unknown"
    assert request.parameters["capture"].bool_param is False


@pytest.mark.parametrize(
    "inputs",
    [
        {"distance": [1.0]},
        {"distance": [1.0], "passengers": [1], "colour": [1]},
        {"distance": ["far"], "passengers": [1]},
        {"distance": [1.0], "passengers": [1, 2]},
    ],
)
def test_a_question_that_does_not_fit_is_not_asked(inputs: dict[str, list[object]]) -> None:
    with pytest.raises(UnfitQuestion):
        request_of(TAXI, read_question(captured("q", 1.0, inputs=inputs)))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_the_shape_follows_from_the_rows_where_one_size_is_open(
    rows: int, width: int, channels: int
) -> None:
    count = rows * width * channels
    assert shape_of([-1, -1, channels], count, rows) == [rows, width, channels]
    assert shape_of([-1, width, channels], count, rows) == [rows, width, channels]
    for declared, values in (([-1, -1, -1], count), ([-1, width, channels], count + 1)):
        with pytest.raises(UnfitQuestion):
            shape_of(declared, values, rows)


def test_a_pair_holds_both_answers_and_no_inputs() -> None:
    question = read_question(captured("q1", 2.0, 4.0))
    answer = Answer({"fare": [8.5, math.nan]}, "sha256:" + "d" * 64, 1.25)
    made = json.loads(as_pair(question, answer, None))
    assert made["champion"] == {"fare": [8.0, 13.0]}
    assert made["candidate"] == {"fare": [8.5, None]}
    assert made["inputs"] == input_hashes({"distance": [2.0, 4.0], "passengers": [1, 1]}, 2)
    assert (made["champion_digest"], made["champion_ms"]) == (CHAMPION, None)
    assert "distance" not in made


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        captured("", 1.0),
        captured("q", 1.0, rows=0),
        captured("q", 1.0, rows=True),
        captured("q", 1.0, model_digest="latest"),
        captured("q", 1.0, inputs={}),
        captured("q", 1.0, outputs={"fare": 3}),
        captured("q", 1.0, time=5),
    ],
)
def test_a_line_that_is_no_capture_is_told(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"no capture|codec|Expecting|decode"):
        read_question(line)


def test_an_image_is_asked_in_the_shape_that_was_captured() -> None:
    parts = pb.ModelMetadataResponse(
        name="parts", inputs=[_TENSOR(name="image", datatype="UINT8", shape=[-1, -1, -1, 3])]
    )
    line = json.loads(captured("q", 1.0, inputs={"image": list(range(18))}))
    line["shapes"] = {"image": [1, 2, 3, 3]}
    request = request_of(parts, read_question(json.dumps(line).encode()))
    assert list(request.inputs[0].shape) == [1, 2, 3, 3]
    assert request.raw_input_contents[0] == bytes(range(18))
    line["shapes"] = {"image": [1, 5, 3, 3]}
    with pytest.raises(UnfitQuestion):
        request_of(parts, read_question(json.dumps(line).encode()))
    line["shapes"] = {"image": "2x3"}
    with pytest.raises(ValueError, match="no capture"):
        read_question(json.dumps(line).encode())
