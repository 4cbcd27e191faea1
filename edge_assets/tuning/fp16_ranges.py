"""How large the values inside of a graph become, before they are made of float16."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_assets.tuning.fp16_nodes import Slots, Values, half_nodes, session_with
from inference_service.tune.questions import Question

LARGEST = float(np.finfo(np.float16).max)
"""65504."""

HEADROOM = 2.0
"""Rows of tomorrow may reach so many times what was seen."""


def out_of_range(
    model: onnx.ModelProto,
    fit: Sequence[Slots | None],
    values: Values,
    questions: Sequence[Question],
) -> dict[str, float]:
    """The values that leave the range of float16, with the largest magnitude that they reached.

    Those around the nodes that would be in 16 bits, on all `questions`, with HEADROOM; and their
    constants that are too large, or would vanish altogether. What is infinite or no number already
    is so in float16 too. Raises ConfigurationError if the model cannot be opened.
    """
    nodes = zip(model.graph.node, half_nodes(model.graph, fit, values), strict=True)
    names = sorted(set().union(*(slots.names(node) for node, slots in nodes if slots)))
    held = {name: _magnitude(values.constants[name]) for name in names if name in values.constants}
    names = [name for name in names if name not in held]
    session = session_with(model, names)
    reached = dict.fromkeys(names, 0.0)
    for question in questions:
        for name, array in zip(names, session.run(names, dict(question)), strict=True):
            reached[name] = max(reached[name], _magnitude(array))
    far = {name: value for name, value in reached.items() if value * HEADROOM > LARGEST}
    spoiled = {name: value for name, value in held.items() if value > LARGEST or _vanishes(value)}
    return {**far, **spoiled}


def _magnitude(array: NDArray[np.float32]) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _vanishes(magnitude: float) -> bool:
    return magnitude > 0 and float(np.float16(magnitude)) == 0
