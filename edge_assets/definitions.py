"""The Dagster code location: one chain of assets for each edge model.

A model whose folder is broken, and a path of EDGE_MODELS that leads nowhere, is skipped, so that
the others go on; `<name>/broken` says why.
"""

from edge_assets.core.folders import survey
from edge_assets.factory import build_definitions

_folders, _wrong = survey()
defs = build_definitions(_folders.values(), skip_broken=True, wrong=_wrong)
