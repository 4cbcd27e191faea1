"""Sample data as a delivery: written as `edgectl data sample` does, read as intake does."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assets.deliveries import inspect, read
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.edge_model import EdgeModel


def as_rows(model: "EdgeModel", made: Any) -> "pd.DataFrame":
    """What `sample` made as raw rows. Raises ConfigurationError when it is none."""
    import pandas as pd

    images = model.config.data.kind == "images"
    if images and isinstance(made, Mapping):
        from edge_assets.core.image_data import rows_of

        return rows_of(made)
    if images or not isinstance(made, pd.DataFrame):
        raise ConfigurationError(
            f"sample of {model.config.name} gives no {'files' if images else 'table'}",
            why=f"it gives a {type(made).__name__}",
            remedy="return a dict of paths and bytes" if images else "return a pandas DataFrame",
        )
    return made


def delivered(model: "EdgeModel", made: Any) -> "pd.DataFrame":
    """The raw rows of what `sample` made, as the chain reads them. Raises DeliveryRefused."""
    config = model.config
    with tempfile.TemporaryDirectory(prefix="edgectl-check-") as name:
        path = Path(name) / "sample"
        if isinstance(made, Mapping):
            for part, content in made.items():
                file = path / part
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        else:
            path = path.with_suffix(".csv")
            as_rows(model, made).to_csv(path, index=False)
        inspect(config, path, {})
        return read(config, path)


def own_rows(model: "EdgeModel", raw: "pd.DataFrame") -> "tuple[pd.DataFrame, str]":
    """The rows that `data.where` leaves, and what is wrong when these are not all."""
    from edge_assets.core.where import told

    taken = model.take(raw)
    lost = len(raw) - len(taken.own)
    where = told(model.config.data.where)
    said = f"{lost} of {len(raw)} sample rows are not of this model: data.where asks for {where}"
    return taken.own, said if lost else ""
