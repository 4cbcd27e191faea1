"""A new edge model from what somebody has: a table, a folder of images, an ONNX graph; and the
contract that every edge model is checked against. Plain Python, no Dagster."""
