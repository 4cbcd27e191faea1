"""The time from a new process to its first answer, against what no server can avoid.

Both run from the content of the device image, with its precompiled bytecode: Python with numpy,
onnxruntime, a session and one run of it; and the service, asked by a client that tries to connect
from the beginning.
"""

import statistics
import subprocess
import time
from pathlib import Path

from benchmarks.inference.bench import READY_SECONDS, Bench, clean_environment
from benchmarks.inference.figures import Measured
from benchmarks.inference.footprint import base_python, unpacked_image
from benchmarks.inference.native import parse_told
from benchmarks.inference.processes import Server, free_port, pinned
from benchmarks.inference.questions import UNARY
from protos.errors import Unavailable

_NANO = 1e9
_ALONE = """
import sys
import numpy, onnxruntime
path, name = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
session.run(None, {name: numpy.ones((1, 2), numpy.float32)})
sys.stdout.write("!")
sys.stdout.flush()
"""


def start(bench: Bench) -> dict[str, Measured]:
    """Seconds to the first answer: the ratio, and the absolute median."""
    environment = clean_environment(**unpacked_image(bench))
    times: dict[str, list[float]] = {"ours": [], "alone": []}
    for number in range(bench.effort.starts + 1):
        alone = _alone(bench, environment)
        ours = _service(bench, environment)
        if number:  # the first one reads the disk
            times["alone"].append(alone)
            times["ours"].append(ours)
    ratios = [a / b for a, b in zip(times["ours"], times["alone"], strict=True)]
    seen = {f"{name} s": round(statistics.median(found), 4) for name, found in times.items()}
    return {
        "start_ratio": Measured(statistics.median(ratios), seen=seen),
        "start_seconds": Measured(statistics.median(times["ours"]), seen=seen),
    }


def _alone(bench: Bench, environment: dict[str, str]) -> float:
    model = bench.logistic
    command = [str(base_python()), "-c", _ALONE, str(model.file), model.input.name]
    begin = time.monotonic_ns()
    with (
        pinned(bench.cores.server),
        subprocess.Popen(command, env=environment, cwd="/", stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        said = process.stdout.read(1)
        end = time.monotonic_ns()
        process.wait(READY_SECONDS)
    if said != b"!":
        raise Unavailable("onnxruntime alone does not run from the image's packages")
    return (end - begin) / _NANO


def _service(bench: Bench, environment: dict[str, str]) -> float:
    port, log = free_port(), bench.folder / "start.log"
    settings = bench.service_settings | {"INFERENCE_ADDRESS": f"127.0.0.1:{port}"}
    asks = bench.client.command(port, UNARY, bench.question.file, READY_SECONDS, "--first")
    with pinned(bench.cores.load):
        client = subprocess.Popen(asks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begin = time.monotonic_ns()
    command = [str(base_python()), "-m", "inference_service", "--model"]
    command.append(str(bench.logistic.folder))
    with (
        client,
        Server(
            "start",
            command,
            bench.cores.server,
            log,
            environment=environment | settings,
            folder=Path("/"),
        ) as server,
    ):
        try:
            said, complaint = client.communicate(timeout=READY_SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            raise Unavailable(
                "the service does not answer from the image's packages", why=server.log()[-800:]
            ) from None
    if client.returncode != 0:
        why = f"{complaint.strip()}; {log.read_text()[-800:]}"
        raise Unavailable("the service does not answer from the image's packages", why=why)
    return (parse_told(said, retried=True).first_ns - begin) / _NANO
