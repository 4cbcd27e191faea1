"""Golden questions of images: small enough to be asked each half minute."""

import json

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.config_data import Column
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.folders import SHIPPED
from edge_assets.core.images import png_of, size_of
from edge_assets.core.model_folder import GOLDEN_SIDE, affordable, golden_json
from edge_assets.onnx_session import feeds
from edge_assets.served_folder import golden_images

CONFIG = load_model_config(SHIPPED / "parts" / "model.yaml")


def rows(*sizes: tuple[int, int]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = [png_of(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]
    index = pd.RangeIndex(5, 5 + len(sizes))
    return pd.DataFrame({"image": pd.Series(made, index=index, dtype="object")})


def of_shape(*shape: int) -> ModelConfig:
    column = Column(name="image", datatype="UINT8", shape=shape)
    return CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"columns": (column,)})})


def test_photographs_are_asked_in_small() -> None:
    large = rows((300, 400), (20, 30), (1000, 10))
    small = golden_images(CONFIG, large)
    assert [size_of(png) for png in small["image"]] == [(90, 68), (30, 20), (1, 90)]
    assert small["image"].iloc[1] is large["image"].iloc[1]
    assert small.index.equals(large.index)


def test_images_of_a_fixed_size_stay_as_they_are() -> None:
    large = rows((224, 224))
    assert golden_images(of_shape(224, 224, 3), large)["image"].equals(large["image"])


@pytest.mark.parametrize(
    ("config", "size", "count"), [(CONFIG, 600, 16), (of_shape(224, 224, 3), 224, 2)]
)
def test_the_file_stays_below_two_megabytes(config: ModelConfig, size: int, count: int) -> None:
    small = golden_images(config, rows(*[(size, size)] * 16))
    questions = [next(feeds(config, small.iloc[[place]]))[1] for place in range(16)]
    chosen = affordable(questions)
    assert len(chosen) == count
    asked = [questions[place] for place in chosen]
    answers = [{"part": np.array([["part_1"]])}] * len(asked)
    made = golden_json(config, "sha256:" + "a" * 64, asked, answers)
    assert len(json.dumps(made)) < 2_100_000
    sides = {max(request["shapes"]["image"]) for request in made["requests"]}
    assert sides == {min(size, GOLDEN_SIDE) if count == 16 else size}
