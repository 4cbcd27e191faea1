"""Features that several edge models share: one package each, with its `VERSION`.

What is defined here once is used at training and is in the ONNX artifact, so the two cannot differ.
A model says in `model.yaml` which package and which version it was made for.
"""
