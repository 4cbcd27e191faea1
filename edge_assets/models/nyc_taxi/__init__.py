"""New York taxi fares: the edge model that comes with the project; begin at `model.yaml`."""
