"""The models of the benchmark, the request, and the check that a server answers it."""

from pathlib import Path

import pytest

from benchmarks.inference.models import IMAGE_BYTES, image_model, logistic_model
from benchmarks.inference.peers import LOCKS
from benchmarks.inference.questions import Question, check_answer, framed, question
from protos import inference_pb2 as pb
from protos.errors import VerificationFailed


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("model")
    return question(logistic_model(folder), folder)


def answer(*outputs: bytes) -> bytes:
    response = pb.ModelInferResponse(model_name="logistic")
    for name, datatype in (("label", "INT64"), ("probabilities", "FP32")):
        response.outputs.add(name=name, datatype=datatype, shape=[1])
    response.raw_output_contents.extend(outputs)
    return response.SerializeToString()


def test_request_is_framed_for_the_wire(asked: Question) -> None:
    data = asked.file.read_bytes()
    assert data == b"\0" + len(asked.message).to_bytes(4, "big") + asked.message
    request = pb.ModelInferRequest.FromString(asked.message)
    assert (request.model_name, request.id) == ("logistic", "")
    assert len(request.raw_input_contents[0]) == 8


def test_the_models_own_answer_is_good(asked: Question) -> None:
    check_answer(answer(*asked.expected), asked, echo=False)
    assert asked.first_output in answer(*asked.expected)


def test_other_answers_are_stopped(asked: Question) -> None:
    label, probabilities = asked.expected
    for wrong in (
        answer(),
        answer(label),
        answer(probabilities, label),
        answer((1 - label[0]).to_bytes(8, "little"), probabilities),
        answer(label, b"\0" * 8),
    ):
        with pytest.raises(VerificationFailed):
            check_answer(wrong, asked, echo=False)


def test_an_echo_is_what_was_sent(asked: Question) -> None:
    check_answer(asked.message, asked, echo=True)
    with pytest.raises(VerificationFailed):
        check_answer(asked.message + b"\0", asked, echo=True)


def test_image_is_of_600_kb_and_its_model_gives_its_first_pixel(tmp_path: Path) -> None:
    made = question(image_model(tmp_path), tmp_path)
    assert IMAGE_BYTES == 602_112
    assert IMAGE_BYTES < len(made.message) < IMAGE_BYTES + 100
    assert len(made.expected[0]) == 12
    assert framed(made.message) == made.file.read_bytes()


def test_locks_pin_versions_with_hashes_and_name_no_registry() -> None:
    locks = sorted(LOCKS.glob("*.txt"))
    assert [lock.stem for lock in locks] == ["grpcaio", "kserve", "mlserver"]
    for lock in locks:
        text = lock.read_text()
        assert text.count("==") >= 5
        assert text.count("--hash=sha256:") > text.count(" \\\n") / 2
        assert "://" not in text
        assert "index" not in text.replace("index-url", "index")
