"""Every delivered record is in the table once, or counted with its reason."""

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.captures import Captures, inputs_of, outputs_of, parse_captures
from edge_assets.core.image_columns import image_features
from edge_assets.core.images import pixels
from edge_assets.core.messages import Bounds

DIGEST = "sha256:" + "a" * 64


def record(request_id: str = "r1", **changes: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "time": "2026-01-01T00:00:00.123456Z",
        "model": "nyc_taxi",
        "model_digest": DIGEST,
        "rows": 2,
        "inputs": {"vendor": [1, 2], "distance": [1.5, None]},
        "outputs": {"fare": [7.5, 8.0]},
        **changes,
    }


def line(
    *records: Any,
    device: str = "line-1",
    kind: str = "capture",
    at: str = "12:00:05",
    **changes: Any,
) -> bytes:
    message = {
        "EnqueuedTimeUtc": f"2026-01-01T{at}.1230000Z",
        "Properties": {"kind": kind, "model": "nyc_taxi"},
        "SystemProperties": {"connectionDeviceId": device, "contentType": "application/json"},
        "Body": list(records),
        **changes,
    }
    return json.dumps(message).encode()


def parse(*lines: bytes, **arguments: Any) -> Captures:
    return parse_captures([("a.json", each) for each in lines], **arguments)


def test_each_predicted_row_becomes_a_row() -> None:
    found = parse(line(record("r1"), record("r2", time="2026-01-01T00:00:09Z")))

    frame = found.frame
    assert list(frame) == [
        "device",
        "enqueued",
        "time",
        "model",
        "model_digest",
        "request_id",
        "row",
        "input.distance",
        "input.vendor",
        "output.fare",
    ]
    assert frame["request_id"].tolist() == ["r1", "r1", "r2", "r2"]
    assert frame["row"].tolist() == [0, 1, 0, 1]
    assert frame["time"][0] == pd.Timestamp("2026-01-01T00:00:00.123456Z")
    assert frame["enqueued"][0] == pd.Timestamp("2026-01-01T12:00:05.123Z")
    assert frame["input.vendor"].dtype == np.int64
    assert frame["input.distance"].isna().tolist() == [False, True, False, True]
    assert inputs_of(frame).columns.tolist() == ["distance", "vendor"]
    assert outputs_of(frame)["fare"].tolist() == [7.5, 8.0, 7.5, 8.0]
    assert (found.records, found.malformed, found.duplicates) == (2, 0, 0)


def test_a_second_delivery_counts_once() -> None:
    found = parse(line(record("r1")), line(record("r1"), record("r2")), line(record("r2")))

    assert found.frame["request_id"].tolist() == ["r1", "r1", "r2", "r2"]
    assert found.duplicates == 2


def test_request_ids_are_a_device_s_own() -> None:
    found = parse(line(record("r1"), device="line-1"), line(record("r1"), device="line-2"))

    assert found.frame["device"].tolist() == ["line-1", "line-1", "line-2", "line-2"]
    assert found.duplicates == 0


def test_one_id_for_two_contents_is_set_aside() -> None:
    found = parse(line(record("r1"), record("r1", outputs={"fare": [0.0, 0.0]})))

    assert found.frame["output.fare"].tolist() == [7.5, 8.0]
    assert found.duplicates == 0
    assert "used before for other content" in found.set_aside[0].reason


def test_a_base64_body_is_read_as_well() -> None:
    body = base64.b64encode(json.dumps([record()]).encode()).decode()

    assert parse(line(Body=body)).records == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"EnqueuedTimeUtc": "2026', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"17", "no JSON object"),
        (line(record(), SystemProperties={}), "connectionDeviceId"),
        (line(record(), EnqueuedTimeUtc="yesterday"), "EnqueuedTimeUtc"),
        (line(Body="%%%"), "neither JSON nor base64"),
        (line(Body=None), "no list of records"),
        (line("text"), "no JSON object"),
        (line(record(rows=0)), "rows must be between"),
        (line(record(rows=True)), "rows must be between"),
        (line(record(rows=10**9)), "rows must be between"),
        (line(record(rows=3)), "no whole number of values a row"),
        (line(record(model_digest="latest")), "no sha256 digest"),
        (line(record(request_id="")), "request_id is missing"),
        (line(record(request_id="a\x07")), "cannot be printed"),
        (line(record(request_id="\ud800")), "no word for"),
        (line(record(time=12)), "time is missing"),
        (line(record(inputs={})), "between 1 and"),
        (line(record(inputs={"a": {}})), "no whole number"),
        (line(record(inputs={"a": [1, "x"]})), "mixes number and text"),
        (line(record(inputs={"a": [1, [2]]})), "something else than"),
        (line(record(inputs={"a": [1, 2**70]})), "something else than"),
        (line(record(inputs={"a": ["\ud800", "b"]})), "no word for"),
        (line(record()).replace(b"1.5", b"NaN"), "not JSON"),
        (line(record()).replace(b"1.5", b"1e999"), "no word for"),
    ],
)
def test_what_cannot_be_read_is_set_aside_and_the_rest_is_kept(bad: bytes, reason: str) -> None:
    found = parse(line(record("r0")), bad, line(record("r9")))

    assert found.frame["request_id"].unique().tolist() == ["r0", "r9"]
    assert found.malformed == 1
    assert reason in found.set_aside[0].reason
    assert (found.set_aside[0].file, found.set_aside[0].line) == ("a.json", 2)


def test_a_device_that_sends_text_for_numbers_spoils_the_column_for_none() -> None:
    poisoned = record("p", inputs={"vendor": ["x", "y"], "distance": [0.0, 0.0]})

    found = parse(line(poisoned, device="bad"), line(record("r1"), record("r2")))

    assert found.frame["device"].unique().tolist() == ["line-1"]
    assert found.frame["input.vendor"].dtype == np.int64
    assert found.set_aside[0].reason == "input.vendor is text, elsewhere number"
    assert found.records == 2


def test_wide_columns_keep_a_list_a_row() -> None:
    found = parse(line(record(inputs={"image": [1, 2, 3, 4]})))

    assert found.frame["input.image"].tolist() == [[1, 2], [3, 4]]


def test_columns_that_only_some_records_have_are_missing_elsewhere() -> None:
    found = parse(line(record("r1"), record("r2", outputs={"fare": [1.0, 2.0], "tip": [3, 4]})))

    assert found.frame["output.tip"].isna().tolist() == [True, True, False, False]


def test_a_column_named_as_ours_shadows_nothing() -> None:
    found = parse(line(record(inputs={"device": ["x", "y"]})))

    assert found.frame["device"].tolist() == ["line-1", "line-1"]
    assert inputs_of(found.frame)["device"].tolist() == ["x", "y"]


def test_other_messages_models_and_times_are_counted_not_taken() -> None:
    found = parse(
        line(record("r1"), kind="state"),
        line(record("r2", model="other")),
        line(record("r3"), at="11:59:59"),
        line(record("r4"), at="12:00:00"),
        line(record("r5"), at="12:05:00"),
        model="nyc_taxi",
        start=datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
        end=datetime(2026, 1, 1, 12, 5, tzinfo=UTC),
    )

    assert found.frame["request_id"].unique().tolist() == ["r4"]
    assert (found.other, found.outside) == (2, 2)


def test_bounds_hold_and_what_they_cut_is_counted() -> None:
    bounds = Bounds(rows=5, reasons=2, line_bytes=2_000)
    lines = [line(record(f"r{i}")) for i in range(4)] + [b"x"] * 3 + [b" " * 1_999 + b"xx"]

    found = parse(*lines, bounds=bounds)

    assert len(found.frame) == 4
    assert found.over_limit == 2
    assert found.malformed == 4
    assert len(found.set_aside) == 2


def test_the_number_of_columns_is_bounded_over_all_records() -> None:
    records = [record(f"r{i}", outputs={f"o{i}": [1, 2]}) for i in range(10)]

    found = parse(line(*records), bounds=Bounds(columns=4))

    assert found.records == 6  # vendor, distance and six outputs
    assert "too many columns" in found.set_aside[0].reason


def test_nothing_gives_an_empty_table_with_its_types() -> None:
    frame = parse().frame

    assert len(frame) == 0
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert frame["row"].dtype == np.int64


def test_the_table_survives_parquet(tmp_path: Any) -> None:
    frame = parse(line(record("r1"), record("r2", inputs={"note": ["é", None]}))).frame

    frame.to_parquet(tmp_path / "captures.parquet")

    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "captures.parquet"), frame)


def image_record(request_id: str, *images: np.ndarray[Any, Any], **changes: Any) -> dict[str, Any]:
    together = np.stack(images)
    return record(
        request_id,
        rows=len(together),
        inputs={"image": together.ravel().tolist()},
        outputs={"part": ["a"] * len(together)},
        **{"shapes": {"image": list(together.shape)}, **changes},
    )


def an_image(height: int, width: int, channels: int = 3) -> np.ndarray[Any, Any]:
    shape = (height, width, channels)
    return np.random.default_rng(height * width).integers(0, 256, shape, dtype=np.uint8)


def test_images_of_all_sizes_come_back_as_they_were() -> None:
    sent = [an_image(8, 8), an_image(8, 8) // 2, an_image(64, 24), an_image(24, 64)]
    found = parse(
        line(
            image_record("r1", *sent[:2]), image_record("r2", sent[2]), image_record("r3", sent[3])
        )
    )
    assert (found.records, found.malformed) == (3, 0)
    seen = inputs_of(found.frame)["image"]
    assert [pixels(png).tolist() for png in seen] == [image.tolist() for image in sent]
    features = image_features(seen)
    assert features[["width", "height"]].to_numpy().tolist() == [
        [8, 8],
        [8, 8],
        [24, 64],
        [64, 24],
    ]
    assert features["brightness"].tolist() == pytest.approx(
        image_features(pd.Series(sent))["brightness"].tolist()
    )


def test_grey_images_are_images() -> None:
    grey = an_image(5, 4, channels=1)
    (png,) = inputs_of(parse(line(image_record("r1", grey))).frame)["image"]
    assert pixels(png)[..., 0].tolist() == grey[..., 0].tolist()


def test_images_survive_the_store() -> None:
    frame = parse(line(image_record("r1", an_image(8, 8)))).frame
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    assert pd.read_parquet(buffer)["input.image"].tolist() == frame["input.image"].tolist()


@pytest.mark.parametrize(
    "shapes",
    [
        {"image": [1, 8, 8, 1]},
        {"image": [2, 4, 8, 3]},
        {"image": [1, -8, -8, 3]},
        {"image": [1, 8.0, 8, 3]},
        {"image": 192},
        {"other": [1, 8, 8, 3]},
        [1],
    ],
)
def test_shapes_that_do_not_fit_are_set_aside(shapes: Any) -> None:
    found = parse(line(image_record("r1", an_image(8, 8), shapes=shapes)))
    assert (found.records, found.malformed) == (0, 1)
    assert "shapes" in found.set_aside[0].reason


def test_what_is_no_image_stays_numbers() -> None:
    values = [0.5] * 12
    found = parse(
        line(
            record("r1", rows=1, inputs={"x": values}, outputs={"y": [1]}, shapes={"x": [1, 2, 6]})
        )
    )
    assert found.frame["input.x"].tolist() == [values]
    floating = image_record("r1", an_image(2, 2))
    floating["inputs"]["image"][0] = 0.5
    assert parse(line(floating)).frame["input.image"][0][0] == 0.5


def test_images_are_bounded_by_their_bytes() -> None:
    found = parse(
        *(line(image_record(f"r{n}", an_image(30, 30))) for n in range(3)),
        bounds=Bounds(image_bytes=6000),
    )
    assert (found.records, found.over_limit) == (2, 1)


def test_numbers_among_images_are_set_aside() -> None:
    odd = record("r9", rows=1, inputs={"image": [1, 2, 3]}, outputs={"part": ["a"]})
    found = parse(line(image_record("r1", an_image(4, 4)), image_record("r2", an_image(5, 4)), odd))
    assert (found.records, found.malformed) == (2, 1)
    assert found.set_aside[0].reason == "input.image is number[3], elsewhere image"
