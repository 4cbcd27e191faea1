"""The Dagster code location: one chain of assets for each edge model."""

from pathlib import Path

from edge_assets.factory import build_definitions

defs = build_definitions(Path(__file__).parent / "models")
