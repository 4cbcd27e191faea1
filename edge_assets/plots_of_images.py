"""Pictures of what models of images get wrong, as lines of Markdown like those of `plots`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_assets.plot_style import INK, as_markdown, new_figure, say_instead, shorten

COLUMNS, LINES = 6, 2
_SIDE, _GAP, _TEXT = 1.0, 0.12, 0.42
_PIXELS = 128
"""What an image is drawn with, at most."""


def error_examples(
    images: Sequence[bytes],
    actual: npt.ArrayLike,
    told: npt.ArrayLike,
    probabilities: npt.ArrayLike,
) -> str:
    """Markdown: the images (PNG bytes) on which the model is most sure of the wrong class.

    `actual` and `told` have the shape (rows,), `probabilities` (rows, classes). Under each image
    stands what it is, what it was taken for, and with which probability.
    """
    wanted, got = np.asarray(actual).ravel(), np.asarray(told).ravel()
    sure = np.asarray(probabilities, dtype=np.float64).max(axis=1)
    wrong = np.flatnonzero(wanted != got)
    shown = wrong[np.argsort(-sure[wrong], kind="stable")][: COLUMNS * LINES]
    lines = max(1, -(-len(shown) // COLUMNS))
    figure, axes = new_figure(0.75 + 1.45 * lines)
    title = "Errors, the surest first"
    if not len(shown):
        say_instead(axes, "no image is taken for another" if len(wanted) else "nothing to compare")
        return as_markdown(figure, axes, title, f"0 of {len(wanted):,} images")
    for number, place in enumerate(shown):
        caption = f"{shorten(str(wanted[place]))}\nas {shorten(str(got[place]))}, {sure[place]:.0%}"
        _draw(axes, images[int(place)], caption, number % COLUMNS, number // COLUMNS)
    axes.set_xlim(0, COLUMNS * (_SIDE + _GAP))
    axes.set_ylim(lines * (_SIDE + _TEXT), 0)
    axes.set_aspect("equal")
    axes.set_axis_off()
    note = f"{len(wrong):,} of {len(wanted):,} images are taken for another; {len(shown)} are shown"
    return as_markdown(figure, axes, title, note)


def _draw(axes: Any, png: bytes, caption: str, column: int, line: int) -> None:
    """One image, in its proportions, in the middle of its cell."""
    from edge_assets.core.images import pixels, shrunken

    picture = pixels(shrunken(png, _PIXELS))
    height, width = (_SIDE * size / max(picture.shape[:2]) for size in picture.shape[:2])
    left = column * (_SIDE + _GAP) + (_SIDE - width) / 2
    top = line * (_SIDE + _TEXT) + (_SIDE - height) / 2
    axes.imshow(picture, extent=(left, left + width, top + height, top), interpolation="nearest")
    middle = column * (_SIDE + _GAP) + _SIDE / 2
    below = line * (_SIDE + _TEXT) + _SIDE + 0.03
    axes.text(middle, below, caption, ha="center", va="top", fontsize=7, color=INK)
