"""Sample data drawn from a table: reproducible, never across the holdout, shifted as told."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from edge_assets.core.holdout import split
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.folder import staged
from edge_assets.onboarding.from_table import make_from_table
from edge_assets.onboarding.reading import as_text
from edge_assets.onboarding.resampling import resample
from edge_assets.onboarding.target import describe_target
from protos.errors import ConfigurationError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> EdgeModel:
    table = as_text(sklearn.datasets.load_wine(as_frame=True).frame)
    place = tmp_path_factory.mktemp("resampled") / "vines"
    with staged(place) as stage:
        make_from_table(
            stage, place, table, describe_target(table, "target", None), "vines.csv", 50078
        )
    return EdgeModel.load(place)


def sides(model: EdgeModel, raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    config = model.config
    kept = model.prepare(raw).kept
    inputs = list(config.data.inputs)
    return split(kept, columns=inputs, share=config.holdout.share, seed=config.holdout.seed)


@pytest.mark.parametrize("shifted", [False, True])
def test_no_copy_of_a_held_out_row_is_trained_on(model: EdgeModel, shifted: bool) -> None:
    shift = model.config.sample.shifts[0] if shifted else "none"
    origin = sides(model, pd.read_parquet(model.folder / "data.parquet"))
    drawn = sides(model, resample(model.folder, 600, 3, shift))
    assert len(drawn[1]) > 100
    scale = origin[0].std(numeric_only=True)
    others = [
        name for name in model.config.data.inputs if name not in (shift, "magnesium", "proline")
    ]

    def nearest(
        rows: pd.DataFrame, to: pd.DataFrame
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        a, b = ((frame[others] / scale[others]).to_numpy(np.float64) for frame in (rows, to))
        found: np.ndarray[tuple[int], np.dtype[np.float64]] = np.array(
            [((b - row) ** 2).sum(axis=1).min() for row in a]
        )
        return found

    for own, other in ((0, 1), (1, 0)):
        far, near = nearest(drawn[own], origin[other]), nearest(drawn[own], origin[own])
        assert (near < far).all()


def test_rows_are_new_but_reproducible(model: EdgeModel) -> None:
    first = resample(model.folder, 50, 1)
    assert first.equals(resample(model.folder, 50, 1))
    assert not first.equals(resample(model.folder, 50, 2))
    assert first.drop_duplicates().shape[0] == 50


def test_a_shift_moves_one_column_above_all_that_was_seen_and_keeps_the_order(
    model: EdgeModel,
) -> None:
    name = model.config.sample.shifts[0]
    plain = model.prepare(resample(model.folder, 400, 1)).kept
    moved = model.prepare(resample(model.folder, 400, 1, name)).kept
    assert len(moved) == 400
    assert (moved[name] > plain[name].max()).mean() > 0.99
    assert np.corrcoef(plain[name], moved[name])[0, 1] > 0.99
    other = next(n for n in model.config.data.inputs if n != name)
    assert moved[other].mean() == pytest.approx(plain[other].mean(), rel=0.01)


def test_a_column_that_the_rows_do_not_have_is_named(model: EdgeModel, tmp_path: Path) -> None:
    folder = tmp_path / "vines"
    shutil.copytree(model.folder, folder)
    text = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(text.replace("magnesium", "magnesia"))
    with pytest.raises(ConfigurationError, match="no column magnesia, did you mean magn") as told:
        resample(folder, 5, 1)
    assert "alcohol" in told.value.why


@pytest.mark.filterwarnings("error")
def test_rows_with_unknown_numbers_are_drawn_without_warnings(
    model: EdgeModel, tmp_path: Path
) -> None:
    folder = tmp_path / "vines"
    shutil.copytree(model.folder, folder)
    data = pd.read_parquet(folder / "data.parquet")
    data.loc[:20, "alcohol"] = ""
    data.to_parquet(folder / "data.parquet", index=False)
    text = (folder / "model.yaml").read_text()
    text = text.replace(
        "name: alcohol, datatype: FP32", "name: alcohol, datatype: FP32, nullable: true"
    )
    (folder / "model.yaml").write_text(text)
    assert (resample(folder, 100, 1)["alcohol"] == "").any()


def test_an_unknown_shift_is_refused(model: EdgeModel) -> None:
    with pytest.raises(ConfigurationError, match="knows no shift 'colour'"):
        resample(model.folder, 5, 1, "colour")


def test_the_shift_is_learnable_by_the_rule_of_the_chain(model: EdgeModel) -> None:
    assert len(model.config.sample.shifts) == 1
    assert model.config.sample.shifts[0] in model.config.drift.columns
    assert model.config.sample.shifts[0] + ": the error goes from" in " ".join(
        (model.folder / "model.yaml").read_text().replace("\n# ", " ").split()
    )
