"""The Dagster code location: one chain of assets for each edge model.

A model whose folder is broken is skipped, so that the others go on; `<name>/broken` says why.
"""

from edge_assets.core.folders import model_folders
from edge_assets.factory import build_definitions

defs = build_definitions(model_folders().values(), skip_broken=True)
