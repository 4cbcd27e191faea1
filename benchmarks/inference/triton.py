"""A real Python client: tritonclient's p50, the same process asking two servers in turn."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.inference.bench import Bench, clean_environment
from benchmarks.inference.figures import Measured
from benchmarks.inference.processes import pinned
from benchmarks.inference.rounds import Sample, compared
from protos.errors import Unavailable

CLIENT = Path(__file__).parent / "clients" / "triton.py"
_SPARE_SECONDS = 60.0


def tritonclient(bench: Bench) -> dict[str, Measured]:
    """p50 of `infer` against the service and against ModelInfer on grpc.aio."""
    ports = [str(bench.ours().port), str(bench.infer().port)]
    rounds, seconds = bench.effort.rounds, bench.effort.seconds
    # a process of its own: our messages and tritonclient's have the same names
    command = [sys.executable, str(CLIENT), *ports, str(rounds), str(seconds)]
    try:
        with pinned(bench.cores.load):
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=2 * rounds * seconds + _SPARE_SECONDS,
                env=clean_environment(),
            )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("tritonclient does not come to an end") from error
    if done.returncode != 0:
        raise Unavailable("tritonclient gave up", why=done.stderr[-500:].strip())
    found = json.loads(done.stdout)
    samples = {
        name: [Sample(1e6 / p50, p50_us=p50) for p50 in found[port]]
        for name, port in zip(("ours", "infer"), ports, strict=True)
    }
    return {"triton_p50": compared(samples, "ours", "infer", "p50_us")}
