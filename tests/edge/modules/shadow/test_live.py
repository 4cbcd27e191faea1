"""Two real services, and the shadow module as a process of its own between them.

Only the hub is in memory: the module's client is exchanged by a program that writes what is sent.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.inference_service.harness import Service, running_service, taxi_request, wait_until
from tests.inference_service.models import taxi_model

_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from edge.modules.runner import run_module
from edge.modules.shadow.module import Shadow, ShadowConfig
from tests.edge.modules.shadow.bench import FakeClient

class Writing(FakeClient):
    async def send(self, message):
        await super().send(message)
        with Path(sys.argv[1]).open("ab") as file:
            file.write(message.body + b"\\n")

async def work(stop):
    client = Writing()
    await Shadow(ShadowConfig.from_environment(os.environ), client).run(stop)

sys.exit(run_module(work))
"""


class Sent:
    """The pairs that the module has sent so far."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def pairs(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines()
        return [pair for line in lines for pair in json.loads(line)]


@contextmanager
def running_shadow(folder: Path, captures: Path, champion: str, candidate: str) -> Iterator[Sent]:
    settings = {
        "CAPTURE_DIR": str(captures),
        "SHADOW_TARGET": candidate,
        "SHADOW_CHAMPION": champion,
        "SHADOW_TIME_EVERY": "5",
        "SHADOW_LOOK_SECONDS": "0.05",
        "SHADOW_SEND_SECONDS": "0.1",
        "MODEL_NAME": "taxi",
        "PYTHONPATH": str(Path.cwd()),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder / "sent")], env=os.environ | settings
    )
    try:
        yield Sent(folder / "sent")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder


def name_of(pair: dict[str, Any]) -> str:
    """The id that the client gave: the service adds one of its own behind a dot."""
    return str(pair["request_id"]).split(".")[0]


def ask(service: Service, first: int, count: int) -> None:
    for number in range(first, first + count):
        service.stub.ModelInfer(taxi_request([float(number), 2.0], id=f"q{number}"), timeout=5)


def test_both_models_answer_the_same_questions(tmp_path: Path, captures: Path) -> None:
    old, new = taxi_model(tmp_path / "old"), taxi_model(tmp_path / "new", per_mile=3.0)
    sealed = {"CAPTURE_DIR": str(captures), "CAPTURE_SEGMENT_SECONDS": "0.5"}
    with (
        running_service(old, **sealed) as champion,
        running_service(new) as candidate,
        running_shadow(tmp_path, captures, champion.target, candidate.target) as sent,
    ):
        # Until the module looks, nothing is a question yet: ask until the first pair came.
        ended = time.monotonic() + 15
        while not sent.pairs and time.monotonic() < ended:
            ask(champion, 0, 1)
            time.sleep(0.1)
        already = len(sent.pairs)
        assert already
        for start in range(1, 21, 5):
            ask(champion, start, 5)
            time.sleep(0.6)
            for path in captures.glob("captures-*.jsonl"):  # as the captures module does
                path.unlink()
        wanted = {f"q{number}" for number in range(1, 21)}
        wait_until(lambda: wanted <= set(map(name_of, sent.pairs)))
        asked = sum(name_of(pair) in wanted for pair in sent.pairs)
        assert asked == 20, "each once: the module's own questions are not captured"
        by_name = {name_of(pair): pair for pair in sent.pairs}
        pair = by_name["q7"]
        assert pair["champion"]["fare"] == pytest.approx([3 + 2.5 * 7, 8.0])
        assert pair["candidate"]["fare"] == pytest.approx([3 + 3.0 * 7, 9.0])
        assert pair["champion_digest"] != pair["candidate_digest"]
        assert pair["candidate_ms"] > 0
        timed = [p for p in sent.pairs if p["champion_ms"] is not None]
        assert 0 < len(timed) <= len(sent.pairs) / 5 + 1

        candidate.stop()  # the champion's answers do not depend on the candidate
        before = time.perf_counter()
        ask(champion, 100, 20)
        assert time.perf_counter() - before < 3


def test_a_candidate_that_starts_late_is_asked_when_it_is_there(
    tmp_path: Path, captures: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = f"127.0.0.1:{port}"
    model = taxi_model(tmp_path / "model")
    with (
        running_service(model, CAPTURE_DIR=str(captures)) as champion,
        running_shadow(tmp_path, captures, champion.target, target) as sent,
    ):
        ask(champion, 0, 3)
        with running_service(model, INFERENCE_ADDRESS=target):
            ended = time.monotonic() + 15
            number = 3
            while not sent.pairs and time.monotonic() < ended:
                ask(champion, number, 1)
                number += 1
                time.sleep(0.2)
            assert sent.pairs
            assert sent.pairs[0]["champion"] == sent.pairs[0]["candidate"]
