"""Trees compare single-precision values with thresholds of double precision; ONNX has only single.

Rounded to the nearest, a threshold could be lifted onto the next value, and rows with exactly that
value would go to the other side. Rounded down, `x <= threshold` is the same for every float32 x.
"""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray


def floor32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The next float32 at or below each value; -inf below all of them."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
        below = np.nextafter(single, np.float32(-np.inf))
    return np.where(single.astype(np.float64) > values, below, single).astype(np.float64)


def with_single_precision(model: Any) -> Any:
    """A copy of a scikit-learn estimator whose histogram trees have thresholds of single precision.

    They may be anywhere in it. For other trees skl2onnx does the same by itself.
    """
    rounded = copy.deepcopy(model)
    seen: set[int] = set()

    def visit(part: Any) -> None:
        if id(part) in seen:
            return
        seen.add(id(part))
        if isinstance(part, dict):
            for value in part.values():
                visit(value)
        elif isinstance(part, (list, tuple)):
            for value in part:
                visit(value)
        elif type(part).__name__ == "TreePredictor":
            part.nodes["num_threshold"] = floor32(part.nodes["num_threshold"])
        elif type(part).__module__.startswith("sklearn.") and hasattr(part, "__dict__"):
            visit(vars(part))

    visit(rounded)
    return rounded
