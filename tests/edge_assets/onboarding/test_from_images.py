"""A model from a folder of images, and its sample data."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edge_assets.core.holdout import split
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.folder import staged
from edge_assets.onboarding.from_images import make_from_images
from edge_assets.onboarding.from_table import Made
from protos.errors import ConfigurationError

DEEP = all(importlib.util.find_spec(name) for name in ("keras", "torch"))
pytestmark = pytest.mark.skipif(not DEEP, reason="needs the extra deep")


def draw(folder: Path, each: int, digits: int = 2) -> Path:
    data = load_digits()
    for digit in range(digits):
        (folder / f"digit_{digit}").mkdir(parents=True)
        for number, image in enumerate(data.images[data.target == digit][:each]):
            picture = Image.fromarray((image * 15.9).astype(np.uint8)).resize((16, 16))
            picture.save(folder / f"digit_{digit}" / f"{number}.png")
    return folder


def make(tmp_path: Path, source: Path) -> Made:
    place = tmp_path / "models" / "digits"
    with staged(place) as stage:
        return make_from_images(stage, place, source, 50088, epochs=4)


def test_it_loads_predicts_and_its_sample_stays_on_its_side(tmp_path: Path) -> None:
    source = draw(tmp_path / "images", 40)
    (source / "digit_0" / "broken.png").write_bytes(b"no image")
    (source / "outside.png").write_bytes((source / "digit_0" / "1.png").read_bytes())
    (source / "few").mkdir()
    (source / "few" / "one.png").write_bytes((source / "digit_0" / "2.png").read_bytes())
    made = make(tmp_path, source)
    assert (made.rows, made.kept, made.plan.classes) == (83, 80, ("digit_0", "digit_1"))
    assert made.reasons["no image that can be read"] == 1
    assert made.examples["no image that can be read"] == ("digit_0/broken.png",)
    assert made.plan.rare == ("few",)
    text = (tmp_path / "models" / "digits" / "model.yaml").read_text()
    assert "too few images were left out: few.\n" in text
    assert "1 file lies in no folder of a class: outside.png.\n" in text
    model = EdgeModel.load(tmp_path / "models" / "digits")
    assert model.config.training["side"] == 16
    files = model.sample(30, 1, "none")
    assert files == model.sample(30, 1, "none")
    assert files != model.sample(30, 2, "none")
    kept = model.prepare(model.sample_rows(200, 3, "none")).kept
    rule = model.config.holdout
    held_out = split(kept, columns=["image"], share=rule.share, seed=rule.seed).holdout
    assert 0 < len(held_out) < len(kept)


@pytest.mark.parametrize(("each", "digits"), [(5, 4), (60, 1), (20, 2)])
def test_too_little_is_refused_with_what_there_is(tmp_path: Path, each: int, digits: int) -> None:
    with pytest.raises(ConfigurationError, match=f"digit_0 {each}"):
        make(tmp_path, draw(tmp_path / "images", each, digits))
    assert not (tmp_path / "models" / "digits").exists()


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigurationError, match="empty"):
        make(tmp_path, tmp_path / "none")
