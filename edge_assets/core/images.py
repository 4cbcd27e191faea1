"""Images of a delivery as rows: decoded safely, brought into one form, the bad ones set aside.

The form is a PNG file of 8-bit RGB. Its bytes are what a row says, and so what decides on which
side of the holdout it is: they depend on the image alone as long as zlib packs in the same way.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.config_data import Column, Data, Prediction
from edge_assets.core.image_data import CONTENT, LABEL, MAX_FILE_BYTES
from edge_assets.core.prepared import Prepared, divide
from protos.errors import ConfigurationError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""What is decoded. Others, PostScript among them, run programs to be drawn."""

WIDTH, HEIGHT = "width", "height"
CHANNELS = 3
CHUNK_PIXELS = 4 << 20
"""Of the images that are handed out together: 12 MB, four times that as floating-point numbers."""

Pixels = NDArray[np.uint8]


class UnfitError(ValueError):
    """Why an image cannot be used, in a clause that holds for many images."""


def prepare_images(raw: pd.DataFrame, data: Data, prediction: Prediction) -> Prepared:
    """Raw rows (`path`, `label`, `content`) as rows of the dataset, and those set aside.

    Kept rows have the column of `data` (PNG bytes), `width` and `height` in pixels, and the target:
    the name of the class folder. An image that comes twice counts once; one that lies in two
    classes says nothing about either.

    Raises ConfigurationError when `data` declares anything but 8-bit RGB images.
    """
    (column,) = data.columns
    _check_column(column)
    classes = {str(label): label for label in prediction.classes}
    reasons = pd.Series("", index=raw.index, dtype="object")
    made: list[bytes] = []
    for place, label, content in zip(raw.index, raw[LABEL], raw[CONTENT], strict=True):
        png = b""
        try:
            if label not in classes:
                raise UnfitError(
                    f"no known class: {label}" if label else "lies in no folder of a class"
                )
            png = encode(open_image(content, data.images.max_pixels), data.images.max_side)
            _check_size(png, column)
        except UnfitError as error:
            reasons[place], png = str(error), b""
        made.append(png)
    _note_doubles(made, raw[LABEL], reasons)
    sizes = [size_of(png) if png else (0, 0) for png in made]
    labels = raw[LABEL].map(lambda label: classes.get(label, label)).astype("object")
    rows = pd.DataFrame(
        {
            column.name: pd.Series(made, index=raw.index, dtype="object"),
            WIDTH: pd.Series([width for width, _ in sizes], index=raw.index, dtype="int64"),
            HEIGHT: pd.Series([height for _, height in sizes], index=raw.index, dtype="int64"),
            prediction.target: labels,
        },
        index=raw.index,
    )
    prepared = divide(rows, reasons)
    if classes and isinstance(prediction.classes[0], int):
        return prepared._replace(kept=prepared.kept.astype({prediction.target: "int64"}))
    return prepared


def open_image(content: bytes, max_pixels: int) -> Any:
    """The decoded PIL image, upright, as 8-bit RGB; transparent parts lie on white.

    Of several pictures in one file it is the first. Raises UnfitError; an image with more than
    `max_pixels` is not decoded.
    """
    from PIL import Image, ImageOps

    if not content:
        raise UnfitError("the file is empty")
    if len(content) > MAX_FILE_BYTES:
        raise UnfitError(f"the file is larger than {MAX_FILE_BYTES} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of broken metadata, and of sizes that we bound ourselves
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError:
            raise UnfitError(f"more than {max_pixels} pixels") from None
        except Exception:  # decoders raise whatever their reading of foreign bytes ends with
            raise UnfitError("no image that can be read") from None
        if image.width * image.height > max_pixels:
            raise UnfitError(f"more than {max_pixels} pixels")
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
        except Exception:  # as above: truncated, damaged, or lying about its size
            raise UnfitError("damaged or cut off") from None
        return _as_rgb(upright)


def encode(image: Any, max_side: int) -> bytes:
    """The RGB image as PNG bytes, scaled down where its longer side is above `max_side` pixels."""
    from PIL import Image

    longer = max(image.size)
    if longer > max_side:
        small = tuple(max(1, round(size * max_side / longer)) for size in image.size)
        image = image.resize(small, Image.Resampling.LANCZOS)
    image.info = {}  # profiles, dates and comments would make equal images differ
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def shrunken(png: bytes, max_side: int) -> bytes:
    """PNG bytes as made here, scaled down where the longer side is above `max_side` pixels."""
    if max(size_of(png)) <= max_side:
        return png
    return encode(open_image(png, max(1, size_of(png)[0] * size_of(png)[1])), max_side)


def png_of(array: Pixels) -> bytes:
    """Pixels [height, width, 3] as PNG bytes; [height, width, 1] and [height, width] are grey."""
    from PIL import Image

    if array.ndim == 2 or array.shape[2] == 1:
        array = np.repeat(array.reshape(*array.shape[:2], 1), CHANNELS, axis=2)
    return encode(Image.fromarray(np.ascontiguousarray(array)), max(array.shape))


def pixels(png: bytes) -> Pixels:
    """The pixels of PNG bytes as made here: uint8 [height, width, 3]."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        array: Pixels = np.array(image.convert("RGB"), dtype=np.uint8)
    return array


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height, read from the header (PNG specification, 11.2.1) without decoding."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def by_size(column: pd.Series, chunk: int) -> Iterator[tuple[NDArray[np.int64], Pixels]]:
    """Positions in `column` of PNG bytes, and their pixels [n, height, width, 3] of one size.

    Every position comes once; at most `chunk` images, and about `CHUNK_PIXELS`, come together.
    """
    images = column.to_numpy(dtype="object")
    places: dict[tuple[int, int], list[int]] = {}
    for place, png in enumerate(images):
        places.setdefault(size_of(png), []).append(place)
    for (width, height), found in places.items():
        step = max(1, min(chunk, CHUNK_PIXELS // (width * height)))
        for start in range(0, len(found), step):
            chosen = found[start : start + step]
            yield np.array(chosen), np.stack([pixels(images[place]) for place in chosen])


def _as_rgb(image: Any) -> Any:
    """8-bit RGB of an image of any mode. Raises UnfitError for what has no brightest value."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would clip these at 255; 16 bits are scaled to 8
        array = np.array(image).astype(np.int64)
        if array.min() < 0 or array.max() > 0xFFFF:
            raise UnfitError("32-bit pixels, whose brightest value is not known")
        grey = np.round(array / 257).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "F":
        raise UnfitError("floating-point pixels, whose brightest value is not known")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    try:
        return image.convert("RGB")
    except ValueError:
        raise UnfitError(f"pixels of the kind {image.mode}, which are not read") from None


def _check_column(column: Column) -> None:
    if column.datatype != "UINT8" or len(column.shape) != 3 or column.shape[2] != CHANNELS:
        raise ConfigurationError(
            f"images cannot be prepared as the column {column.name}",
            why=f"it is {column.datatype} of the shape {list(column.shape)}",
            remedy="declare it as UINT8 with the shape [-1, -1, 3]: height, width, RGB; "
            "the graph makes of it what the model needs",
        )


def _check_size(png: bytes, column: Column) -> None:
    width, height = size_of(png)
    if any(want not in (-1, got) for want, got in zip(column.shape, (height, width), strict=False)):
        wanted = " x ".join("any" if size == -1 else str(size) for size in column.shape[1::-1])
        raise UnfitError(f"not {wanted} pixels wide and high")


def _note_doubles(made: list[bytes], labels: pd.Series, reasons: pd.Series) -> None:
    first: dict[bytes, int] = {}
    seen_as: dict[bytes, set[str]] = {}
    digests = [hashlib.sha256(png).digest() if png else b"" for png in made]
    for digest, label in zip(digests, labels, strict=True):
        seen_as.setdefault(digest, set()).add(label)
    for place, digest in enumerate(digests):
        if not digest:
            continue
        if len(seen_as[digest]) > 1:
            reasons.iloc[place] = "the same image is in more than one class"
        elif first.setdefault(digest, place) != place:
            reasons.iloc[place] = "the same image is there already"
