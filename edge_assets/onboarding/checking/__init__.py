"""The contract of an edge model, checked without Dagster: what `edgectl model check` runs."""

from edge_assets.onboarding.checking.contract import check_model
from edge_assets.onboarding.checking.outcome import Outcome, exit_code

__all__ = ["Outcome", "check_model", "exit_code"]
