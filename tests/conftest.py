"""What holds for every test."""

import os

# The Linux wheels of onnxruntime send telemetry unless this is set before the first import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Evidently's dependencies ask for this one.
os.environ["DO_NOT_TRACK"] = "1"
