"""Every way in which an image may be given, and every way in which it may be broken."""

import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_assets.core.config_data import Column, Data, Images, Prediction
from edge_assets.core.image_data import MAX_FILE_BYTES, rows_of
from edge_assets.core.images import (
    CHUNK_PIXELS,
    UnfitError,
    by_size,
    encode,
    open_image,
    pixels,
    png_of,
    prepare_images,
    shrunken,
    size_of,
)
from edge_assets.core.prepared import Prepared
from edge_assets.core.schema import check_schema
from protos.errors import ConfigurationError

PREDICTION = Prediction(
    asked_for="now", target="animal", kind="classification", classes=("cat", "dog")
)


def data_of(shape: tuple[int, ...] = (-1, -1, 3), datatype: Any = "UINT8", **images: int) -> Data:
    return Data(
        source="a camera",
        kind="images",
        landing="animals",
        columns=(Column(name="image", datatype=datatype, shape=shape),),
        images=Images(**images),
    )


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def gradient(width: int = 20, height: int = 10) -> Image.Image:
    levels = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    return Image.fromarray(levels.astype(np.uint8))


def prepare(files: dict[str, bytes], **data: Any) -> Prepared:
    return prepare_images(rows_of(files), data_of(**data), PREDICTION)


def kept(content: bytes, **data: Any) -> np.ndarray[Any, Any]:
    """The pixels that one delivered file becomes."""
    prepared = prepare({"cat/1": content}, **data)
    assert prepared.reasons == {}
    return pixels(prepared.kept["image"].iloc[0])


def reason(content: bytes, **data: Any) -> str:
    """Why one delivered file is set aside."""
    prepared = prepare({"cat/1": content}, **data)
    assert prepared.kept.empty
    return str(prepared.set_aside["reason"].iloc[0])


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "JPEG"])
def test_all_usual_formats_are_read(format: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True},
        "JPEG": {"quality": 95, "subsampling": 0},
    }
    image = Image.new("RGB", (7, 5), (200, 100, 50))
    found = kept(file_of(image, format, **options.get(format, {})))
    assert found.shape == (5, 7, 3)
    assert np.abs(found.astype(int) - (200, 100, 50)).max() <= 3


def test_rows_hold_the_image_its_size_and_its_class() -> None:
    prepared = prepare({"dog/1.png": file_of(gradient(20, 10))})
    (row,) = prepared.kept.to_dict("records")
    assert list(prepared.kept) == ["image", "width", "height", "animal"]
    assert (row["width"], row["height"], row["animal"]) == (20, 10, "dog")
    assert (pixels(row["image"]) == np.asarray(gradient(20, 10))).all()
    assert check_schema(prepared, data_of(), PREDICTION).reasons == {}


def test_grey_one_bit_and_palette() -> None:
    grey = kept(file_of(Image.new("L", (4, 4), 90)))
    assert (grey == 90).all()
    assert (kept(file_of(Image.new("1", (4, 4), 1))) == 255).all()
    palette = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert np.abs(kept(file_of(palette)).astype(int) - (10, 200, 30)).max() <= 1


def test_what_is_transparent_lies_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert kept(file_of(image)).tolist() == [[[0, 0, 0], [255, 255, 255]]]
    half = Image.new("LA", (1, 1), (0, 127))
    assert kept(file_of(half))[0, 0].tolist() == [128, 128, 128]
    gif = Image.new("P", (2, 1), 0)
    gif.putpalette([0, 0, 0, 9, 9, 9])
    gif.putpixel((1, 0), 1)
    assert kept(file_of(gif, "GIF", transparency=1))[0, 1].tolist() == [255, 255, 255]


def test_cmyk_becomes_its_colours() -> None:
    found = kept(file_of(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 6


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    levels = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    for format in ("PNG", "TIFF"):
        found = kept(file_of(Image.fromarray(levels), format))
        assert found[0, :, 0].tolist() == [0, 1, 128, 255]
    wide = Image.fromarray(np.array([[0, 32896]], dtype=np.int32))
    assert kept(file_of(wide, "TIFF"))[0, :, 0].tolist() == [0, 128]


def test_pixels_without_a_brightest_value_are_set_aside() -> None:
    beyond = Image.fromarray(np.array([[0, 70_000]], dtype=np.int32))
    assert reason(file_of(beyond, "TIFF")).startswith("32-bit pixels")
    floating = Image.fromarray(np.array([[0.5]], dtype=np.float32))
    assert reason(file_of(floating, "TIFF")).startswith("floating-point pixels")


def test_colours_that_this_pillow_cannot_reckon_are_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = file_of(Image.new("LAB", (2, 2), (255, 128, 128)), "TIFF")
    assert np.abs(kept(lab).astype(int) - 255).max() <= 3

    def convert(self: Image.Image, mode: str) -> Image.Image:
        raise ValueError("conversion from LAB to RGB not supported")  # as without littlecms

    monkeypatch.setattr(Image.Image, "convert", convert)
    assert reason(lab) == "pixels of the kind LAB, which are not read"


def test_a_camera_held_upright_is_turned_back() -> None:
    image = Image.new("RGB", (4, 2), "white")
    image.putpixel((0, 0), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # "the 0th row is the right side" (EXIF 2.3, Orientation)
    found = kept(file_of(image, "PNG", exif=exif))
    assert found.shape == (4, 2, 3)
    assert found[0, 1].tolist() == [0, 0, 0]


def test_large_images_are_scaled_down_in_their_proportions() -> None:
    assert kept(file_of(gradient(200, 50)), max_side=100).shape == (25, 100, 3)
    assert kept(file_of(gradient(100, 50)), max_side=100).shape == (50, 100, 3)
    assert kept(file_of(gradient(3000, 1)), max_side=100).shape == (1, 100, 3)


def test_notes_in_the_file_do_not_matter() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "of Tuesday")
    first = encode(open_image(file_of(gradient(), pnginfo=info), 1000), 100)
    assert first == encode(open_image(file_of(gradient()), 1000), 100)
    assert first == encode(open_image(file_of(gradient(), "BMP"), 1000), 100)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checked = name + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [1001, 12_000, 60_000])
def test_a_bomb_is_never_decoded(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    assert reason(bomb(side, side), max_pixels=1_000_000) == "more than 1000000 pixels"


def test_a_lie_about_the_size_below_the_bound_is_damage() -> None:
    assert reason(bomb(500, 500)) == "damaged or cut off"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP"])
def test_files_that_were_cut_off_are_set_aside(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    content = file_of(Image.fromarray(noise), format)
    told = reason(content[: len(content) // 2])
    assert told in ("damaged or cut off", "no image that can be read")
    assert reason(content[:6]) == "no image that can be read"


def test_what_is_no_image_is_set_aside_with_its_reason() -> None:
    assert reason(b"") == "the file is empty"
    assert reason(b"<html></html>") == "no image that can be read"
    assert reason(b"%!PS-Adobe-3.0 EPSF-3.0\n") == "no image that can be read"
    assert "larger than" in reason(b"\0" * (MAX_FILE_BYTES + 1))


def test_unknown_classes_are_set_aside_and_the_others_kept() -> None:
    image = [file_of(Image.new("L", (3, 3), level)) for level in range(3)]
    prepared = prepare({"cat/1.png": image[0], "cow/1.png": image[1], "1.png": image[2]})
    assert prepared.kept["animal"].tolist() == ["cat"]
    assert set(prepared.reasons) == {"no known class: cow", "lies in no folder of a class"}
    together = sorted([*prepared.kept.index, *prepared.set_aside.index])
    assert together == [0, 1, 2]


def test_the_same_image_counts_once_whatever_its_file() -> None:
    same = {"cat/1.png": file_of(gradient()), "cat/2.bmp": file_of(gradient(), "BMP")}
    prepared = prepare({**same, "dog/3.png": file_of(gradient(5, 5))})
    assert len(prepared.kept) == 2
    assert prepared.reasons == {"the same image is there already": 1}


def test_an_image_in_two_classes_says_nothing() -> None:
    prepared = prepare({"cat/1.png": file_of(gradient()), "dog/1.png": file_of(gradient())})
    assert prepared.reasons == {"the same image is in more than one class": 2}


def test_numbers_as_classes() -> None:
    numbers = Prediction(asked_for="now", target="kind", kind="classification", classes=(0, 1))
    files = {"0/a.png": file_of(gradient(3, 3)), "1/a.png": file_of(gradient(4, 4))}
    prepared = prepare_images(rows_of(files), data_of(), numbers)
    assert prepared.kept["kind"].tolist() == [0, 1]
    assert check_schema(prepared, data_of(), numbers).reasons == {}


def test_a_fixed_size_is_asked_of_every_image() -> None:
    files = {"cat/1.png": file_of(gradient(6, 4)), "cat/2.png": file_of(gradient(5, 4))}
    prepared = prepare(files, shape=(4, 6, 3))
    assert len(prepared.kept) == 1
    assert prepared.reasons == {"not 6 x 4 pixels wide and high": 1}


@pytest.mark.parametrize("data", [{"shape": (-1, -1, 1)}, {"shape": (8, 8)}, {"datatype": "FP32"}])
def test_columns_that_are_no_rgb_images_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be prepared"):
        prepare({"cat/1.png": file_of(gradient())}, **data)


def test_nothing_is_prepared_to_nothing() -> None:
    prepared = prepare({})
    assert list(prepared.kept) == ["image", "width", "height", "animal"]
    assert prepared.reasons == {}


_IMAGES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))


@settings(max_examples=30, deadline=None)
@given(st.lists(_IMAGES, max_size=12), st.integers(1, 5))
def test_every_image_is_handed_out_once_among_those_of_its_size(
    sizes: list[tuple[int, int, int]], chunk: int
) -> None:
    arrays = [
        np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
        for h, w, seed in sizes
    ]
    column = pd.Series([png_of(array) for array in arrays], index=range(100, 100 + len(arrays)))
    seen: list[int] = []
    for places, images in by_size(column.astype("object"), chunk):
        assert len(places) == len(images) <= chunk
        for place, image in zip(places, images, strict=True):
            assert (image == arrays[place]).all()
        seen += places.tolist()
    assert sorted(seen) == list(range(len(arrays)))


def test_many_pixels_are_handed_out_in_small_parts() -> None:
    side = 1024
    count = CHUNK_PIXELS // side**2
    column = pd.Series([png_of(np.zeros((side, side, 3), np.uint8))] * (count + 1))
    assert [len(places) for places, _ in by_size(column, 32)] == [count, 1]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_an_image_is_read_or_refused(content: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"\xff\xd8\xff\xe0"):
        with contextlib.suppress(UnfitError):  # anything else would stop a delivery
            assert open_image(start + content, 10_000).mode == "RGB"


def test_sizes_are_read_from_the_header_and_shrunk_where_needed() -> None:
    png = png_of(np.asarray(gradient(20, 10)))
    assert size_of(png) == (20, 10)
    assert shrunken(png, 20) is png
    assert size_of(shrunken(png, 10)) == (10, 5)
    grey = png_of(np.full((2, 3, 1), 7, np.uint8))
    assert (pixels(grey) == 7).all()
