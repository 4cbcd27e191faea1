"""Three models of one table, one for each product, on one home and with one landing folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edge_assets.chain import Chain
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.operate import instance_at
from edgectl.onboarding.new_each import make_each
from resources.platform import Platform
from tests.edge_assets.bench import Bench, make_blank

PRODUCTS = {"7": "demand_7", "Widget A": "demand_widget_a", "bolt": "demand_bolt"}


def sales(rows: int = 240, seed: int = 1) -> pd.DataFrame:
    """Rows of all products in turn; each sells by a law of its own."""
    rng = np.random.default_rng(seed)
    product = np.array([*PRODUCTS])[np.arange(rows) % 3]
    price, heat = rng.uniform(1, 10, rows), rng.uniform(0, 30, rows)
    laws = [20 + 2 * heat, 100 - 5 * price, 300 + 10 * price]
    sold = np.select([product == name for name in PRODUCTS], laws) + rng.normal(0, 2, rows)
    made = {"product": product, "price": price, "heat": heat, "sold": sold}
    return pd.DataFrame(made).round(2)


def make_siblings(parent: Path) -> Path:
    """Writes the models below `parent`, as `edgectl model new demand --each product` does."""
    text = sales().astype(str)
    made = make_each("demand", Path("sales.csv"), text, "sold", None, "product", parent, False)
    assert sorted(place.name for place in made[1]) == sorted(PRODUCTS.values())
    return parent


@contextmanager
def opened_siblings(
    home: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Bench]]:
    """A workbench for each product; all have one home, one instance and one landing folder."""
    make_blank(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    monkeypatch.setenv("EDGE_MODELS", str(parent))
    platform = Platform({"EDGE_HOME": str(home), "EDGE_REGISTRY": "localhost:5000"})
    folders = {product: parent / name for product, name in PRODUCTS.items()}
    definitions, instance = build_definitions([*folders.values()], platform), instance_at(home)
    try:
        yield {
            product: Bench(home, Chain(EdgeModel.load(folder)), definitions, instance, platform)
            for product, folder in folders.items()
        }
    finally:
        instance.dispose()
