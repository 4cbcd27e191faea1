"""Which figures are measured together: each section returns its figures by key."""

from collections.abc import Callable, Mapping

from benchmarks.inference.bench import Bench
from benchmarks.inference.figures import Measured
from benchmarks.inference.footprint import memory, packages
from benchmarks.inference.overhead import capture, metrics, mtls
from benchmarks.inference.processes import Server
from benchmarks.inference.questions import STREAM
from benchmarks.inference.rounds import compared, interleaved
from benchmarks.inference.start import start
from benchmarks.inference.triton import tritonclient
from protos.errors import EdgeAssetsError

Section = Callable[[Bench], Mapping[str, Measured]]


def throughput(bench: Bench) -> dict[str, Measured]:
    """ModelInfer, batch 1, at three loads; and the CPU of the server at one of them."""
    peers = {"mlserver": bench.mlserver, "kserve": bench.kserve, "echo": bench.echo}
    found: dict[str, Measured] = {}
    for connections, streams, label, names in (
        (1, 1, "1", ("mlserver", "kserve", "echo")),
        (8, 1, "8", ("mlserver", "kserve", "echo")),
        (1, 32, "32", ("mlserver",)),
    ):
        servers, missing = _available({name: peers[name] for name in names})
        servers["ours"] = bench.ours()
        if label == "8":
            servers |= {"infer": bench.infer(), "echo at our pin": bench.own_echo()}
        subjects = {
            name: bench.shot(
                server,
                bench.question,
                connections=connections,
                streams=streams,
                echo=name.startswith("echo"),
            )
            for name, server in servers.items()
        }
        if label == "1":
            # what waking up costs here: no server that sleeps while it waits is above this ratio
            subjects["bare TCP"] = bench.bare_round_trips
        samples = interleaved(subjects, bench.effort.rounds)
        for name in names:
            measured = missing.get(name) or compared(samples, "ours", name)
            if label == "1" and name in servers:
                floor = compared(samples, "bare TCP", name)
                measured.seen["bare TCP rate"] = floor.seen["bare TCP rate"]
                measured.seen["bare TCP ratio"] = round(floor.value or 0.0, 2)
            found[f"throughput_{label}_{name}"] = measured
        if label == "8":
            found["cpu_8_infer"] = compared(samples, "ours", "infer", "cpu_us")
            own = compared(samples, "ours", "echo at our pin")
            found["throughput_8_echo"].seen["ratio at our pin"] = round(own.value or 0.0, 2)
    return found


def stream(bench: Bench) -> dict[str, Measured]:
    """Messages a second on 8 open streams of one connection, one in flight on each."""
    subjects = {
        "ours": bench.native_shot(bench.ours(), path=STREAM, streams=8),
        "echo": bench.native_shot(bench.echo(), path=STREAM, streams=8, echo=True),
    }
    samples = interleaved(subjects, bench.effort.rounds)
    return {"stream_8_echo": compared(samples, "ours", "echo")}


def latency(bench: Bench) -> dict[str, Measured]:
    """p99 of ModelInfer against an echo, in a closed loop, one request a connection."""
    found = {}
    for connections in (1, 32):
        subjects = {
            "ours": bench.native_shot(bench.ours(), connections=connections),
            "echo": bench.native_shot(bench.echo(), connections=connections, echo=True),
        }
        samples = interleaved(subjects, bench.effort.rounds)
        found[f"p99_{connections}_echo"] = compared(samples, "ours", "echo", "p99_us")
    return found


def image(bench: Bench) -> dict[str, Measured]:
    """Server CPU for a request of 600 KB, one connection."""
    question = bench.image_question
    ours = bench.server(
        "image-ours",
        lambda: bench.started(bench.service("image-ours", bench.image), question),
    )
    samples = interleaved(
        {
            "ours": bench.shot(ours, question),
            "infer": bench.shot(bench.image_infer(), question),
        },
        bench.effort.rounds,
    )
    return {"image_cpu": compared(samples, "ours", "infer", "cpu_us")}


def grpcio(bench: Bench) -> dict[str, Measured]:
    """The grpcio transport against the tuned server: 8 connections, and 1 beside it.

    With one question at a time a thread has to be woken for each, which the one loop of grpc.aio
    spares itself; with more the threads are ahead, and a slow model holds nobody up.
    """
    question = bench.question
    ours = bench.server(
        "ours-grpcio",
        lambda: bench.started(
            bench.service("ours-grpcio", bench.logistic, INFERENCE_TRANSPORT="grpcio"),
            question,
        ),
    )
    found = {}
    for connections in (1, 8):
        samples = interleaved(
            {
                "ours": bench.shot(ours, question, connections=connections),
                "infer": bench.shot(bench.own_infer(), question, connections=connections),
            },
            bench.effort.rounds,
        )
        found[connections] = compared(samples, "ours", "infer")
    found[8].seen["ratio with 1 connection"] = round(found[1].value or 0.0, 3)
    return {"grpcio_infer": found[8]}


def _available(
    starts: Mapping[str, Callable[[], Server]],
) -> tuple[dict[str, Server], dict[str, Measured]]:
    """The servers that start, and why the others do not."""
    servers, missing = {}, {}
    for name, start_server in starts.items():
        try:
            servers[name] = start_server()
        except EdgeAssetsError as error:
            missing[name] = Measured(None, str(error))
    return servers, missing


# In this order: cheap starts before long loads, and mTLS and capture on a warm machine.
SECTIONS: dict[str, Section] = {
    "throughput": throughput,
    "stream": stream,
    "latency": latency,
    "mtls": mtls,
    "capture": capture,
    "metrics": metrics,
    "image": image,
    "tritonclient": tritonclient,
    "start": start,
    "memory": memory,
    "packages": packages,
    "grpcio": grpcio,
}
