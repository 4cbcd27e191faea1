"""The Open Inference Protocol as HTTP and JSON, for browsers and curl, and /metrics beside it.

`face.HttpFace` serves it. Import it only where it is wanted: its imports take some 20 ms.
"""
