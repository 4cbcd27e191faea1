"""Finds how a model runs best on the very machine it is to run on. Needs onnxruntime and numpy."""
