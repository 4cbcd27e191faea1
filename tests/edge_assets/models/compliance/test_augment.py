from typing import TYPE_CHECKING

import pandas as pd
import pytest

from edge_assets.core.holdout import Split
from edge_assets.models.compliance.augment import Added, augmented
from edge_assets.models.compliance.sample import sample
from tests.edge_assets.models.compliance.conftest import EDGE_MODEL, NEEDS_TORCH

if TYPE_CHECKING:
    from edge_assets.models.compliance.network import ComplianceNet


def test_the_same_seed_gives_the_same_descriptions() -> None:
    assert augmented(200, 3) == augmented(200, 3)
    assert augmented(200, 3) != augmented(200, 4)
    assert augmented(0, 3) == []


def test_labels_are_balanced_and_descriptions_fit() -> None:
    texts, labels, _ = zip(*augmented(3000, 5), strict=True)
    assert 0.45 < sum(labels) / len(labels) < 0.55
    assert set(labels) == {0, 1}
    assert max(map(len, texts)) <= 400
    assert len(set(texts)) > 2950


def test_one_known_reason_is_what_the_label_says() -> None:
    """Nor is there a label without a reason that is told."""
    added = augmented(3000, 6)
    assert all(one.label == int(any(one.reasons)) for one in added)
    for place in range(3):
        found = [one.reasons[place] for one in added]
        assert all(found.count(value) > 100 for value in (0, 1))
        assert 10 < found.count(None) < 500


def test_what_training_adds_is_not_what_is_held_out(tables: Split) -> None:
    seed = EDGE_MODEL.config.training["seed"]
    assert isinstance(seed, int)
    texts = {one.description for one in augmented(20_000, seed)}
    assert tables.holdout["description"].isin(texts).mean() < 0.002
    assert not texts & set(sample(500, seed)["description"])


@pytest.mark.parametrize(("augment", "added"), [(0, 0), (10, 10), (100_000, 60 * 6)])
def test_few_rows_are_not_drowned(
    monkeypatch: pytest.MonkeyPatch, tables: Split, augment: int, added: int
) -> None:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    from edge_assets.models.compliance import train

    asked: list[int] = []

    def counted(count: int, seed: int) -> list[Added]:
        asked.append(count)
        return augmented(count, seed)

    monkeypatch.setattr(train, "augmented", counted)
    rows: pd.DataFrame = tables.train.head(60)
    model: ComplianceNet = train.train(rows, augment=augment, epochs=1)
    assert asked == [added]
    assert model.vocabulary
