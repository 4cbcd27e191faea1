"""Features of images that drift looks at."""

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.image_columns import FEATURES, image_features
from edge_assets.core.images import png_of


def flat(level: int, height: int = 4, width: int = 6) -> np.ndarray[tuple[int, ...], np.dtype]:
    return np.full((height, width, 3), level, np.uint8)


def test_brightness_contrast_and_size() -> None:
    half = flat(0)
    half[:, :3] = 255
    found = image_features(pd.Series([png_of(flat(255)), png_of(half)], index=[7, 3]))
    assert list(found) == list(FEATURES)
    assert found.index.tolist() == [7, 3]
    assert found.to_numpy()[0].tolist() == pytest.approx([1.0, 0.0, 6, 4])
    assert found.to_numpy()[1].tolist() == pytest.approx([0.5, 0.5, 6, 4])


def test_colours_count_as_the_eye_sees_them() -> None:
    green, blue = flat(0), flat(0)
    green[..., 1] = blue[..., 2] = 255
    found = image_features(pd.Series([png_of(green), png_of(blue)]))
    assert found["brightness"].tolist() == pytest.approx([0.587, 0.114])


def test_arrays_are_images_too() -> None:
    column = pd.Series([flat(51), np.full((2, 2, 1), 102, np.uint8)], dtype="object")
    assert image_features(column)["brightness"].tolist() == pytest.approx([0.2, 0.4])


def test_what_is_no_image_is_missing() -> None:
    column = pd.Series([None, float("nan"), b"", b"no image", [1, 2, 3], flat(9)], dtype="object")
    found = image_features(column)
    assert found[:5].isna().all().all()
    assert found.loc[5].notna().all()
    assert image_features(pd.Series([], dtype="object")).empty
