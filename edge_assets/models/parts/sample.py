"""Photographs of stamped parts, for trying the product without any download.

The digits are **real**: 1,797 handwritten ones, scanned at 8 x 8 pixels in 17 levels of grey, that
ship with scikit-learn (Alpaydin, Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI
Machine Learning Repository, CC BY 4.0). What is around them is made up: the metal, its colour, how
the part lies, the light and the noise of the camera. Each photograph is new; the same digit comes
again in another one, on either side of the holdout, as the same stamp comes again before a camera.
"""

import io
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Shift = Literal["none", "dark", "noise"]

SIDES = (24, 40)
"""Least and largest width and height of a photograph, in pixels."""
LIGHT = {"none": (0.75, 1.0), "dark": (0.25, 0.45), "noise": (0.75, 1.0)}
"""How much of the light arrives, as a range of shares."""
GRAIN = {"none": 4.0, "dark": 4.0, "noise": 60.0}
"""Standard deviation of the camera's noise, in levels of 0 to 255."""
TURN = 5.0
"""Degrees by which a part lies askew, as standard deviation; at most twice that."""


def sample(
    rows: int, seed: int, shift: Shift = "none", *, bad_share: float = 0.01
) -> dict[str, bytes]:
    """`rows` photographs: path in the delivery -> PNG bytes; the first folder is the class.

    `shift` makes the world change: `dark` takes most of the light away, `noise` gives a worse
    camera. About `bad_share` of the files are broken: cut off while they were written, empty, or no
    images. The same arguments give the same bytes.

    Raises:
        ValueError: `rows` or `bad_share` is out of range, or the shift is unknown.
    """
    if rows < 0 or not 0 <= bad_share <= 1:
        raise ValueError("rows must be >= 0, and bad_share between 0 and 1")
    if shift not in LIGHT:
        raise ValueError(f"shift {shift!r} is none of: {', '.join(LIGHT)}")
    rng = np.random.default_rng(seed)
    digits, labels = _digits()
    # every digit once before any comes again
    order = np.concatenate([rng.permutation(len(digits)) for _ in range(rows // len(digits) + 1)])
    files: dict[str, bytes] = {}
    for number, place in enumerate(order[:rows]):
        content = _png(_photograph(rng, digits[place], shift))
        if rng.random() < bad_share:
            content = _broken(rng, content)
        files[f"part_{labels[place]}/{seed:04d}-{number:05d}.png"] = content
    return files


@lru_cache(maxsize=1)
def _digits() -> tuple[Floats, NDArray[np.int64]]:
    """All digits, [1797, 8, 8] from 0 (ground) to 1 (ink), and which digit each is."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images / 16.0, bunch.target


def _photograph(rng: np.random.Generator, digit: Floats, shift: Shift) -> NDArray[np.uint8]:
    """The digit stamped dark into bright metal: uint8 [height, width, 3]."""
    width, height = (int(side) for side in rng.integers(SIDES[0], SIDES[1] + 1, 2))
    ink = Image.fromarray((digit * 255).astype(np.uint8)).resize(
        (round(width * 0.85), round(height * 0.85)), Image.Resampling.BICUBIC
    )
    stamp = Image.new("L", (width, height))
    right, down = (int(rng.integers(0, free + 1)) for free in _free(stamp, ink))
    stamp.paste(ink, (right, down))
    angle = float(np.clip(rng.normal(0, TURN), -2 * TURN, 2 * TURN))
    stamp = stamp.rotate(angle, resample=Image.Resampling.BILINEAR)
    depth = np.asarray(stamp, dtype=np.float64)[:, :, None] / 255
    metal = rng.uniform(150, 225) + rng.normal(0, 8, 3)  # steel to brass
    slope = rng.normal(0, 12, 2)
    shine = slope[0] * np.linspace(-1, 1, height)[:, None] + slope[1] * np.linspace(-1, 1, width)
    seen = (metal + shine[:, :, None]) * (1 - rng.uniform(0.6, 0.85) * depth)
    light = rng.uniform(*LIGHT[shift])
    seen = seen * light + rng.normal(0, GRAIN[shift], seen.shape)
    levels: NDArray[np.uint8] = np.clip(np.round(seen), 0, 255).astype(np.uint8)
    return levels


def _free(paper: Image.Image, ink: Image.Image) -> tuple[int, int]:
    return paper.width - ink.width, paper.height - ink.height


def _broken(rng: np.random.Generator, content: bytes) -> bytes:
    """In one of the ways in which files of cameras are broken."""
    return (
        content[: len(content) // 3],  # the disk was full
        b"",
        b"<html><body>504 Gateway Time-out</body></html>",
    )[rng.integers(0, 3)]


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()
