"""The head that scales images in the graph."""

import numpy as np
import onnx
import pandas as pd
import pytest

from edge_assets.core.images import png_of
from edge_assets.graphs_of_images import resize_head, scale


def column(*images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> pd.Series:
    return pd.Series([png_of(image) for image in images], dtype="object")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_head_is_a_right_graph() -> None:
    onnx.checker.check_model(resize_head("image", 16, 20), full_check=True)


def test_images_of_many_sizes_come_out_in_one_and_in_their_order() -> None:
    images = [noise(1, 1), noise(8, 8), noise(300, 200), noise(16, 20), noise(8, 8, 1)]
    made = scale(column(*images), 16, 20)
    assert made.shape == (5, 16, 20, 3)
    assert (made[3] == images[3]).all()  # of the right size already: untouched
    assert (made[0] == images[0]).all()
    for place, image in enumerate(images):
        assert (made[place] == scale(column(image), 16, 20)[0]).all()


def test_scaled_down_every_pixel_counts() -> None:
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::8] = 255  # one line of eight: without antialias all or none would be seen
    made = scale(column(lines), 8, 8)
    assert made[0, 2:-2].mean() == pytest.approx(255 / 8, rel=0.02)


def test_no_images_are_none() -> None:
    assert scale(pd.Series([], dtype="object"), 8, 8).shape == (0, 8, 8, 3)
