"""What the model learns, and that its artifact answers as it does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.champion import judge_champion
from edge_assets.core.holdout import split
from edge_assets.core.parity import compare_outputs
from edge_assets.models.parts.train import moved, train
from tests.edge_assets.models.parts.conftest import Trained, quick


def test_it_reads_most_digits_that_it_never_saw(trained: Trained) -> None:
    model = trained.edge_model
    found = model.evaluate(trained.model, trained.rows.holdout)
    assert found["accuracy"] > 0.88  # of half the data and two thirds of the training
    assert found["rows"] == len(trained.rows.holdout) > 100


def test_the_artifact_answers_as_the_model(trained: Trained) -> None:
    config = trained.edge_model.config
    expected = trained.edge_model.predict(trained.model, trained.rows.holdout)
    verdict = compare_outputs(
        expected,
        trained.asked(trained.rows.holdout),
        absolute=config.parity.absolute,
        relative=config.parity.relative,
        label="part",
        scores="probabilities",
    )
    assert verdict.passed, verdict.reason
    assert verdict.max_abs < 1e-5


def test_it_comes_back_from_the_store(trained: Trained) -> None:
    model = trained.edge_model
    again = model.load_trained(model.dump(trained.model))
    assert model.to_onnx(again) == trained.onnx
    assert len(trained.onnx) < model.config.budget.model_bytes


def test_the_same_rows_give_the_same_model(trained: Trained) -> None:
    rows = trained.rows.train.sample(64, random_state=0)
    made = [train(rows, epochs=2, filters=4, side=12) for _ in range(2)]
    assert trained.edge_model.dump(made[0]) == trained.edge_model.dump(made[1])
    other = train(rows, epochs=2, filters=4, side=12, seed=1)
    assert trained.edge_model.dump(made[0]) != trained.edge_model.dump(other)


def test_in_the_dark_it_fails_and_it_learns_that_again(trained: Trained) -> None:
    """The whole round of retraining: champion, shift, candidate, and the rule between them."""
    model = quick()
    dark = model.prepare(model.sample_rows(900, 2, "dark")).kept
    new = split(dark, columns=["image"], share=0.2, seed=42)
    champion = trained.asked(new.holdout)
    assert np.mean(champion["part"].ravel() == new.holdout["part"]) < 0.7

    candidate = model.train(pd.concat([trained.rows.train, new.train]))
    holdout = pd.concat([trained.rows.holdout, new.holdout])
    rule = model.config.champion
    verdict = judge_champion(
        model.errors(model.predict(candidate, holdout), holdout),
        model.errors(trained.asked(holdout), holdout),
        np.arange(len(holdout)) >= len(trained.rows.holdout),
        **rule.model_dump(exclude={"error"}),
    )
    assert verdict.passed, verdict.reason
    newest = verdict.segment("newest")
    assert newest is not None
    assert newest.gain > 0.5


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_images_are_moved_and_nothing_else(reach: int) -> None:
    images = np.random.default_rng(0).random((6, 8, 9, 3)).astype(np.float32)
    made = moved(images, reach, np.random.default_rng(1))
    assert made.shape == images.shape
    assert made.dtype == np.float32
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    steps = range(2 * reach + 1)
    for place, image in enumerate(made):
        views = [padded[place, d : d + 8, r : r + 9] for d in steps for r in steps]
        assert any((view == image).all() for view in views)
    assert (made == images).all() == (reach == 0)


def test_classes_are_taken_in_ascending_order(trained: Trained) -> None:
    rows: Any = trained.rows.train.sort_values("part", ascending=False)
    told = trained.edge_model.predict(trained.model, rows.head(50))
    assert np.mean(told["part"].ravel() == rows["part"].head(50)) > 0.8
