"""Tool recommendations: a small classifier with a typed contract; begin at `model.yaml`."""
