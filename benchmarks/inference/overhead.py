"""What mTLS, capture and metrics cost: the service with each against the service without."""

import contextlib
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.inference.bench import Bench
from benchmarks.inference.certificates import make_certificates
from benchmarks.inference.figures import Measured
from benchmarks.inference.processes import Server, free_port
from benchmarks.inference.rounds import compared, interleaved
from protos.errors import VerificationFailed

_CONNECTIONS = 8
_SCRAPE_SECONDS = 1.0


def mtls(bench: Bench) -> dict[str, Measured]:
    """Throughput with TLS and client certificates; the client in C both times."""
    server_files, client_files = make_certificates(bench.folder / "tls")
    server = bench.service(
        "ours-mtls",
        bench.logistic,
        INFERENCE_TLS_CERTIFICATE=str(server_files.certificate),
        INFERENCE_TLS_KEY=str(server_files.key),
        INFERENCE_TLS_CLIENT_CA=str(server_files.ca),
    )
    with server:
        subjects = {
            "with": bench.native_shot(server, connections=_CONNECTIONS, tls=client_files),
            "without": bench.native_shot(bench.ours(), connections=_CONNECTIONS),
        }
        subjects["with"]()  # warm, as the other one
        samples = interleaved(subjects, bench.effort.fine_rounds)
    return {"mtls": compared(samples, "with", "without")}


def capture(bench: Bench) -> dict[str, Measured]:
    """Throughput with every setting of capture as it is when a folder is given."""
    folder = bench.folder / "captures"
    folder.mkdir()
    with bench.started(
        bench.service("ours-capture", bench.logistic, CAPTURE_DIR=str(folder)),
        bench.question,
    ) as server:
        measured = _against_plain(bench, server)
        if not _bytes_below(folder):
            raise VerificationFailed("capture was on, but nothing was captured")
    return {"capture": measured}


def metrics(bench: Bench) -> dict[str, Measured]:
    """Throughput with `/metrics` on and scraped once a second."""
    port = free_port()
    with bench.started(
        bench.service(
            "ours-metrics",
            bench.logistic,
            INFERENCE_HTTP_ADDRESS=f"127.0.0.1:{port}",
        ),
        bench.question,
    ) as server:
        url = f"http://127.0.0.1:{port}/metrics"
        with _scraped(url):
            measured = _against_plain(bench, server)
    return {"metrics": measured}


def _against_plain(bench: Bench, server: Server) -> Measured:
    subjects = {
        "with": bench.shot(server, bench.question, connections=_CONNECTIONS),
        "without": bench.shot(bench.ours(), bench.question, connections=_CONNECTIONS),
    }
    return compared(interleaved(subjects, bench.effort.fine_rounds), "with", "without")


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def _scraped(url: str) -> Iterator[None]:
    """Asks `url` once a second; raises VerificationFailed at the end if it failed once."""
    stop, failures = threading.Event(), []

    def scrape() -> None:
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 - our own
                    if not answer.read():
                        failures.append("an empty answer")
            except OSError as error:
                failures.append(str(error))
            if stop.wait(_SCRAPE_SECONDS):
                return

    thread = threading.Thread(target=scrape, name="scrape", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10.0)
    if failures:
        raise VerificationFailed("/metrics could not be scraped under load", why=failures[0])
