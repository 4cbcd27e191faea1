"""What the model `compliance` costs a request: ONNX with everything inside against native torch.

    .venv/bin/python -m benchmarks.text

Both get the same raw texts and answer label, probabilities, words and weights. Native is what one
would serve without conversion: the words found by Python, then torch in inference mode. Both on one
thread, in one process, taking turns; figures are medians in microseconds of CPU a call, and the
ratio of the two is native / ONNX of the same run. The goal is a ratio of at least 1.5 for one row,
and of at least 1 for 256: there the network is the cost, and both reckon it alike.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_assets.edge_model import EdgeModel
from edge_assets.models import compliance

GOALS = {1: 1.5, 256: 1.0}
ROUNDS = 15
TRAINED_ON = 2000
"""Rows: how well the model answers does not change what an answer costs."""


def contestants(model: EdgeModel) -> tuple[Callable[[Sequence[str]], object], ...]:
    """Native and ONNX, each from raw texts to all outputs."""
    import onnxruntime
    import torch

    from edge_assets.models.compliance.words import numbers_of, words_of

    torch.set_num_threads(1)
    rows = model.prepare(model.sample_rows(TRAINED_ON, 1, "none")).kept
    trained = model.load_trained(model.dump(model.train(rows)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.to_onnx(trained), options)

    def native(texts: Sequence[str]) -> object:
        words = [words_of(text) for text in texts]
        with torch.inference_mode():
            answer = trained(torch.from_numpy(numbers_of(words, trained.places)))
        return words, [part.numpy() for part in answer]

    def onnx(texts: Sequence[str]) -> object:
        feed = {"description": np.array(texts, dtype=object).reshape(-1, 1)}
        return session.run(None, feed)

    return native, onnx


def microseconds(call: Callable[[Sequence[str]], object], questions: list[list[str]]) -> float:
    """The mean of one call over all questions, in CPU time: others may be at work here, too."""
    started = time.process_time()
    for texts in questions:
        call(texts)
    return (time.process_time() - started) / len(questions) * 1e6


def main() -> None:
    """Measures and prints one JSON object; fails below a goal."""
    model = EdgeModel.load(Path(compliance.__file__).parent)
    native, onnx = contestants(model)
    found, good = {}, True
    for rows, goal in GOALS.items():
        texts = model.prepare(model.sample_rows(rows * 12, 2, "none")).kept["description"].tolist()
        questions = [texts[at : at + rows] for at in range(0, len(texts) - rows + 1, rows)]
        for call in (native, onnx):
            microseconds(call, questions)  # both are warm
        times: dict[str, list[float]] = {"native": [], "onnx": []}
        for _ in range(ROUNDS):
            times["native"].append(microseconds(native, questions))
            times["onnx"].append(microseconds(onnx, questions))
        ratios = [one / other for one, other in zip(times["native"], times["onnx"], strict=True)]
        ratio = statistics.median(ratios)
        good = good and ratio >= goal
        found[f"{rows} rows"] = {
            **{f"{name} us": round(statistics.median(each), 1) for name, each in times.items()},
            "ratio": round(ratio, 2),
            "ratios from to": [round(min(ratios), 2), round(max(ratios), 2)],
            "goal": goal,
        }
    print(json.dumps(found, indent=1))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
