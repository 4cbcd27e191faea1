"""The edge models: one folder each, a `model.yaml` and plain Python functions."""
