"""The photographs that ship: real digits, always the same ones, and shifts that can be seen."""

from collections import Counter

import pytest

from edge_assets.core.image_columns import image_features
from edge_assets.edge_model import EdgeModel
from edge_assets.models.parts.sample import sample
from protos.errors import ConfigurationError
from tests.edge_assets.models.parts.conftest import FOLDER

MODEL = EdgeModel.load(FOLDER)


def test_the_same_arguments_give_the_same_files() -> None:
    assert sample(30, 7) == sample(30, 7)
    assert set(sample(30, 7).values()).isdisjoint(sample(30, 8, bad_share=0).values())


def test_every_class_is_there_in_a_folder_of_its_own() -> None:
    files = sample(400, 1)
    labels = Counter(path.split("/")[0] for path in files)
    assert set(labels) == set(MODEL.config.prediction.classes)
    assert min(labels.values()) > 20
    assert len(files) == 400


def test_about_the_asked_share_is_broken_and_set_aside() -> None:
    whole = MODEL.prepare(MODEL.sample_rows(300, 1, "none"))
    assert 0 < len(whole.set_aside) < 15
    assert {"the file is empty", "no image that can be read", "damaged or cut off"} >= set(
        whole.reasons
    )
    assert sample(0, 1) == {}


def test_images_differ_in_size_and_fit_into_a_capture() -> None:
    kept = MODEL.prepare(MODEL.sample_rows(100, 1, "none")).kept
    assert kept["width"].between(24, 40).all()
    assert kept[["width", "height"]].drop_duplicates().shape[0] > 20


@pytest.mark.parametrize("shift", ["dark", "noise"])
def test_a_shift_is_seen_in_what_drift_compares(shift: str) -> None:
    before, after = (
        image_features(MODEL.prepare(MODEL.sample_rows(200, 3, word)).kept["image"])
        for word in ("none", shift)
    )
    feature = "brightness" if shift == "dark" else "contrast"
    moved = abs(after[feature].mean() - before[feature].mean()) / before[feature].std()
    assert moved > 1
    assert abs(after["width"].mean() - before["width"].mean()) < before["width"].std() / 2


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="none of: none, dark, noise"):
        sample(3, 1, "snow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows must be"):
        sample(-1, 1)
    with pytest.raises(ConfigurationError, match="knows no shift 'snow'"):
        MODEL.sample_rows(3, 1, "snow")
    assert MODEL.config.sample.shifts == ("dark", "noise")


def test_the_classes_of_model_yaml_are_in_ascending_order() -> None:
    classes = list(MODEL.config.prediction.classes)
    assert classes == sorted(map(str, classes))
    assert len(set(classes)) == 10
