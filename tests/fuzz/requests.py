"""`python -m tests.fuzz.requests --runs N`: messages that are nearly right, to the data plane."""

import tempfile
from pathlib import Path

from tests.fuzz.target import atheris, run

with atheris.instrument_imports(include=["inference_service.envelope", "inference_service.shapes"]):
    from tests.fuzz.changed_requests import Planes
from tests.inference_service.models import taxi_model

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Planes(taxi_model(Path(folder))).check, "requests")
