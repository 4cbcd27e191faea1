"""The Dagster code location: one chain of assets for each edge model."""

from edge_assets.core.folders import model_folders
from edge_assets.factory import build_definitions

defs = build_definitions(model_folders().values())
