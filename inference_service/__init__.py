"""The inference service: one edge model, served over gRPC, on a device.

`python -m inference_service` starts it; README.md beside this file tells how to use it alone. It
depends on grpcio, onnxruntime, numpy, protobuf and the package `protos`, nothing else.
"""

import os

# A device reports to nobody. This must be set before onnxruntime is imported for the first time.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
