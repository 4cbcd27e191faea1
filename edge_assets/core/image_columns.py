"""What is compared of images over time: how bright, how rich in contrast and how large they are."""

from typing import Any

import numpy as np
import pandas as pd

from edge_assets.core.images import pixels

FEATURES = ("brightness", "contrast", "width", "height")
_LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in ITU-R BT.601, as Pillow takes them for grey."""


def image_features(column: pd.Series) -> pd.DataFrame:
    """One row for each image of `column`, with its index and the columns `FEATURES`, float64.

    `brightness` is the mean of the luma from 0 to 1, `contrast` its standard deviation; `width` and
    `height` are in pixels. Images are PNG bytes, or arrays [height, width, channels] from 0 to 255.
    What is missing, or is no image, has NaN in all columns.
    """
    rows = [_features(value) for value in column.to_numpy(dtype="object")]
    return pd.DataFrame(rows, index=column.index, columns=list(FEATURES), dtype="float64")


def _features(value: Any) -> tuple[float, ...]:
    missing = (np.nan,) * len(FEATURES)
    if isinstance(value, bytes):
        try:
            array = pixels(value)
        except (OSError, SyntaxError, ValueError):
            return missing
    elif isinstance(value, np.ndarray) and value.ndim == 3 and value.size:
        array = value
    else:
        return missing
    colours = array.shape[2] == len(_LUMA)
    luma = (array @ _LUMA if colours else array.mean(axis=2)) / 255
    return float(luma.mean()), float(luma.std()), float(array.shape[1]), float(array.shape[0])
