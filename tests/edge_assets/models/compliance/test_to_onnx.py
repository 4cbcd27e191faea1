import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assets.core.holdout import Split
from edge_assets.core.parity import compare_outputs
from edge_assets.edge_model import EdgeModel
from edge_assets.models.compliance.text_graph import text_graph
from edge_assets.models.compliance.words import COMMON, RARE, USUAL, numbers_of, places_of, words_of
from edge_assets.onnx_session import run
from tests.edge_assets.models.compliance.conftest import EDGE_MODEL

if TYPE_CHECKING:
    from edge_assets.models.compliance.network import ComplianceNet

VOCABULARY = ("'87", "1985", "good", "isn't", "iron", "not", "steel", "\u00e4")
SHOWN = 5
ODD = [
    "",
    " ",
    "steel",
    "good " * 200,
    "lorem ipsum",
    "\u00c4 \u00e4 \u94a2 \U0001f527 \u0130",
    "isn\u2019t steel",
    "a\x00b steel",
    "steel,iron.good-not/1985\n'87",
    "," * 400,
    "\u2026".join(["good"] * 9),
]


@cache
def session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def head() -> bytes:
    graph = text_graph(places_of(VOCABULARY), SHOWN)
    onnx.checker.check_model(graph, full_check=True)
    content: bytes = graph.SerializeToString()
    return content


def ask(model: bytes, texts: list[str]) -> list[Any]:
    feed = {"description": np.array(texts, dtype=object).reshape(-1, 1)}
    answers: list[Any] = session(model).run(None, feed)
    return answers


def assert_same_words(texts: list[str]) -> None:
    numbers, shown = ask(head(), texts)
    words = [words_of(text) for text in texts]
    assert numbers.tolist() == numbers_of(words, places_of(VOCABULARY)).tolist()
    assert shown.tolist() == [(row + [""] * SHOWN)[:SHOWN] for row in words]


# Every text that UTF-8 can hold: all of Unicode but surrogates, NUL and unassigned codes included.
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LIKELY = st.lists(
    st.sampled_from(
        [*VOCABULARY, "Steel", "GOOD", "odd", " ", "'", *COMMON, *USUAL, *RARE, "\u2019"]
    ),
    max_size=30,
).map("".join)


@given(st.lists(ANY | LIKELY, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_graph_and_python_find_the_same_words_in_any_text(texts: list[str]) -> None:
    assert_same_words(texts)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts_alone(text: str) -> None:
    assert_same_words([text])


def test_odd_texts_together() -> None:
    assert_same_words(ODD)


def test_the_artifact_answers_as_the_model_on_the_whole_holdout(
    edge_model: EdgeModel, model: "ComplianceNet", artifact: bytes, tables: Split
) -> None:
    rows = pd.concat([tables.holdout[["description"]], pd.DataFrame({"description": ODD})])
    config = edge_model.config
    verdict = compare_outputs(
        edge_model.predict(model, rows),
        run(config, artifact, rows),
        absolute=config.parity.absolute,
        relative=config.parity.relative,
        label="non_compliant",
        scores="probabilities",
    )
    assert verdict.passed, verdict.reason
    assert verdict.rows > 2000
    assert verdict.max_abs < 1e-4


def test_parity_closes_for_another_model(
    edge_model: EdgeModel, small: "ComplianceNet", artifact: bytes, tables: Split
) -> None:
    rows, parity = tables.holdout.head(300), edge_model.config.parity
    verdict = compare_outputs(
        edge_model.predict(small, rows),
        run(edge_model.config, artifact, rows),
        absolute=parity.absolute,
        relative=parity.relative,
        label="non_compliant",
        scores="probabilities",
    )
    assert not verdict.passed


@pytest.mark.parametrize("texts", [[""], ["steel lever"], ODD, ["Steel, good, 1999."] * 300])
def test_any_number_of_rows_gives_shapes_as_declared(artifact: bytes, texts: list[str]) -> None:
    rows = len(texts)
    label, probabilities, words, weights, reasons = ask(artifact, texts)
    assert (label.shape, label.dtype) == ((rows, 1), np.int64)
    assert (probabilities.shape, probabilities.dtype) == ((rows, 2), np.float32)
    assert (words.shape, words.dtype) == ((rows, 64), np.dtype(object))
    assert (weights.shape, weights.dtype) == ((rows, 64), np.float32)
    assert (reasons.shape, reasons.dtype) == ((rows, 3), np.float32)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(label.ravel(), probabilities[:, 1] > 0.5)


def test_the_answer_to_a_text_does_not_depend_on_its_neighbours(artifact: bytes) -> None:
    together = ask(artifact, ODD)
    for place, text in enumerate(ODD):
        alone = ask(artifact, [text])
        assert alone[2][0].tolist() == together[2][place].tolist()
        for one, other in ((1, 1), (3, 3), (4, 4)):
            assert np.allclose(alone[one][0], together[other][place], atol=1e-4)


def test_the_artifact_is_small_plain_onnx_and_always_the_same(
    edge_model: EdgeModel, small: "ComplianceNet", artifact: bytes
) -> None:
    assert len(artifact) < min(8_000_000, edge_model.config.budget.model_bytes)
    loaded = onnx.load_model_from_string(artifact)
    assert {opset.domain for opset in loaded.opset_import} == {"", "ai.onnx.ml"}
    assert [value.name for value in loaded.graph.input] == ["description"]
    assert [value.name for value in loaded.graph.output] == [
        output.name for output in edge_model.config.prediction.outputs
    ]
    assert edge_model.to_onnx(small) == edge_model.to_onnx(small)


@pytest.mark.parametrize("locale", ["C", "xx_YY.UTF-8"])
def test_it_runs_where_the_locale_is_unknown(artifact: bytes, tmp_path: Path, locale: str) -> None:
    (tmp_path / "model.onnx").write_bytes(artifact)
    program = (
        "import numpy, onnxruntime, sys\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "text = numpy.array([['STEEL lever, \\u00c4, made in 1985; good']], dtype=object)\n"
        "label, _, words, *_ = session.run(None, {'description': text})\n"
        "print(label.item(), ascii([word for word in words[0] if word]))\n"
    )
    variables = {
        name: value for name, value in os.environ.items() if name[:3] not in ("LC_", "LAN")
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.onnx")],
        env={**variables, "LC_ALL": locale, "LANG": locale},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = ["steel", "lever", "\u00c4", "made", "in", "1985", "good"]
    assert done.stdout.strip() == f"1 {words!a}"


def test_columns_of_the_configuration_are_the_inputs() -> None:
    (column,) = EDGE_MODEL.config.data.columns
    assert (column.name, column.datatype) == ("description", "BYTES")
