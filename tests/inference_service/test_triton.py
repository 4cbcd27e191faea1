"""Triton's client, unmodified. In a process of its own: its descriptors collide with ours."""

import subprocess
import sys
from pathlib import Path

from tests.inference_service.harness import Service


def test_tritonclient_works_unmodified(service: Service) -> None:
    script = Path(__file__).with_name("triton_client.py")
    done = subprocess.run(
        [sys.executable, str(script), service.target],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
