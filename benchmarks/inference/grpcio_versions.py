"""Which version of grpcio to pin: our grpcio transport and tuned servers under each of them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import metadata
from statistics import median

from benchmarks.inference.bench import Bench, aio_server
from benchmarks.inference.peers import environment
from benchmarks.inference.processes import Server
from benchmarks.inference.rounds import Sample, interleaved

_SAME = ("numpy", "onnxruntime", "protobuf", "uvloop", "hpack")
_LOADS = (1, 8)


def compare_versions(bench: Bench, versions: Sequence[str]) -> str:
    """A table: requests a second and CPU microseconds, by server, connections and version."""
    lines = ["server            connections  grpcio      req/s  CPU us/req  against the first"]
    with ExitStack() as stack:
        servers: dict[tuple[str, str], Server] = {}
        for version in versions:
            python = _environment(bench, version)
            for kind in ("echo", "infer", "service"):
                server = _start(bench, python, kind, version)
                stack.enter_context(server)
                servers[kind, version] = bench.started(server, bench.question, echo=kind == "echo")
        for kind in ("echo", "infer", "service"):
            for connections in _LOADS:
                shots: dict[str, Callable[[], Sample]] = {
                    version: bench.shot(
                        servers[kind, version],
                        bench.question,
                        connections=connections,
                        echo=kind == "echo",
                    )
                    for version in versions
                }
                samples = interleaved(shots, bench.effort.rounds)
                lines += [
                    _line(kind, connections, version, samples[version], samples[versions[0]])
                    for version in versions
                ]
    return "\n".join(lines)


def _line(
    kind: str, connections: int, version: str, found: Sequence[Sample], first: Sequence[Sample]
) -> str:
    name = "grpcio transport" if kind == "service" else f"grpc.aio {kind}"
    rate = median(sample.rate for sample in found)
    cpu = median(sample.cpu_us for sample in found)
    ratio = median(a.rate / b.rate for a, b in zip(found, first, strict=True))
    return (
        f"{name:<16}  {connections:>11}  {version:<8}  {rate:>7.0f}  {cpu:>10.0f}  {ratio:>17.2f}"
    )


def _environment(bench: Bench, version: str) -> str:
    """The Python of an environment with this grpcio and otherwise our own versions."""
    wanted = [f"grpcio=={version}", f"grpcio-health-checking<={version}"]
    wanted.append(f"grpcio-reflection<={version}")
    for name in _SAME:
        try:
            wanted.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:  # optional
            wanted.append(name)
    key = " ".join(wanted).encode()
    return str(environment(f"grpcio-{version}", bench.cache, wanted, key))


def _start(bench: Bench, python: str, kind: str, version: str) -> Server:
    if kind != "service":
        model = bench.logistic if kind == "infer" else None
        return aio_server(bench, python, kind, model)
    return bench.service(
        f"service-{version}",
        bench.logistic,
        python=python,
        INFERENCE_TRANSPORT="grpcio",
    )
