"""The picture of errors."""

import base64
import io
import re

import numpy as np
from PIL import Image

from edge_assets.core.images import png_of
from edge_assets.plots_of_images import COLUMNS, LINES, error_examples

RED = np.full((8, 5, 3), (250, 0, 0), np.uint8)
BLUE = np.full((5, 8, 3), (0, 0, 250), np.uint8)


def colours(markdown: str) -> set[str]:
    found = re.search(r"base64,([^)]+)\)", markdown)
    assert found
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGB")).astype(
        int
    )
    names = {"red": (250, 0, 0), "blue": (0, 0, 250)}
    return {n for n, c in names.items() if (np.abs(image - c).max(axis=2) < 12).sum() > 500}


def test_only_what_is_wrong_is_shown() -> None:
    picture = error_examples(
        [png_of(RED), png_of(BLUE)], ["a", "b"], ["a", "a"], [[0.9, 0.1], [0.8, 0.2]]
    )
    assert picture.startswith("![Errors, the surest first: 1 of 2 images are taken for another")
    assert colours(picture) == {"blue"}


def test_of_many_the_surest_are_shown() -> None:
    count = COLUMNS * LINES + 1
    images = [png_of(BLUE), *[png_of(RED)] * (count - 1)]
    unsure = [[0.4, 0.6], *[[0.1, 0.9]] * (count - 1)]
    picture = error_examples(images, ["a"] * count, ["b"] * count, unsure)
    assert f"{count} of {count} images are taken for another; {count - 1} are shown" in picture
    assert colours(picture) == {"red"}


def test_nothing_wrong_and_nothing_at_all() -> None:
    assert "0 of 1 images" in error_examples([png_of(RED)], ["a"], ["a"], [[1.0, 0.0]])
    assert "0 of 0 images" in error_examples([], [], [], np.empty((0, 2)))
