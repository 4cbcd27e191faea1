"""Rewrites an ONNX graph for its device, and writes the model folder that was chosen."""
