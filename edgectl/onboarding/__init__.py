"""`edgectl model new`, `check` and `schema`: the command line of edge_assets.onboarding."""
