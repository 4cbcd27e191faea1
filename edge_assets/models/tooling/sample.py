"""Made-up readings of tools, for trying the product without any download.

Every row is **synthetic**. The world is that of the reference (two blobs in a plane, standard
deviation 4): with the seed 42 and 1000 rows these are its very rows. Its classes overlap: no model,
however good, is right more often than `BEST_ACCURACY` in the long run.
"""

from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import make_blobs

Shift = Literal["none", "other_make", "wear"]

REFERENCE_SEED = 42
DEVIATION = 4.0
_BOX = (-10.0, 10.0)
CENTRES: NDArray[np.float64] = np.random.RandomState(REFERENCE_SEED).uniform(*_BOX, (2, 2))
"""Of the tools that can stay (0) and of those to change (1), in units of the gauges."""
BEST_ACCURACY = NormalDist(0, DEVIATION).cdf(float(np.linalg.norm(CENTRES[1] - CENTRES[0])) / 2)
"""Bayes' limit of two equally frequent normal classes of one spread: Phi(distance / 2 sigma)."""
MOVED: dict[str, tuple[float, float]] = {
    "none": (0.0, 0.0),
    "other_make": (50.0, 42.0),
    "wear": (-50.0, -42.0),
}
"""How much more both gauges show, on average, after each shift."""


def sample(rows: int, seed: int, shift: Shift = "none") -> pd.DataFrame:
    """`rows` tools with the readings `x1`, `x2` and the `label` 0 (stay) or 1 (change).

    `shift` makes the world change: tools of `other_make` read much higher, worn gauges (`wear`)
    much lower, and not equally much on both: what was learned before is often wrong there. The same
    arguments give the same rows.

    Raises:
        ValueError: `rows` is negative or the shift is unknown.
    """
    if rows < 0:
        raise ValueError("rows must be >= 0")
    if shift not in MOVED:
        raise ValueError(f"shift {shift!r} is none of: {', '.join(MOVED)}")
    rng = np.random.RandomState(seed)
    rng.uniform(*_BOX, (2, 2))  # what make_blobs draws the centres with, where it draws them
    if not rows:
        readings, label = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    else:
        readings, label = make_blobs(rows, centers=CENTRES, cluster_std=DEVIATION, random_state=rng)
    readings = readings + np.array(MOVED[shift])
    return pd.DataFrame(
        {"x1": readings[:, 0], "x2": readings[:, 1], "label": label.astype(np.int64)}
    )
