"""Made-up rows as the chain divides them."""

import pandas as pd

from edge_assets.core.holdout import Split, split
from edge_assets.edge_model import EdgeModel


def divided(model: EdgeModel, rows: pd.DataFrame) -> Split:
    """Prepared rows as the asset `dataset` divides them."""
    config = model.config
    return split(
        model.prepare(rows).kept,
        columns=config.data.inputs,
        share=config.holdout.share,
        seed=config.holdout.seed,
    )
