"""What is bounded, what is let go, and that it is counted; without any service."""

import asyncio
import time
from pathlib import Path

import pytest

from edge.modules.shadow import module
from edge.modules.shadow.module import Shadow, ShadowConfig
from protos.comparison import COUNTS
from protos.errors import ConfigurationError, Unavailable

from .bench import FakeClient, captured

CONFIG = ShadowConfig(Path("/captures"), "127.0.0.1:1", "taxi", send_seconds=0.05)
ENVIRON = {
    "CAPTURE_DIR": "/captures",
    "SHADOW_TARGET": "taxi_candidate:8081",
    "IOTEDGE_MODULEID": "taxi_shadow",
}


def test_the_queue_is_bounded_in_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 3)
    shadow = Shadow(CONFIG, FakeClient())
    for number in range(5):
        shadow.offer(captured(f"q{number}", 1.0), time.monotonic())
    assert shadow.counters()["dropped"] == 2


def test_the_queue_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    line = captured("q0", 1.0)
    monkeypatch.setattr(module, "QUEUE_BYTES", 2 * len(line))
    shadow = Shadow(CONFIG, FakeClient())
    for number in range(3):
        shadow.offer(captured(f"q{number}", 1.0), time.monotonic())
    assert shadow.counters()["dropped"] == 1


def test_a_line_that_cannot_be_read_is_counted_and_another_models_is_not() -> None:
    shadow = Shadow(CONFIG, FakeClient())
    shadow.offer(b"{", 0.0)
    shadow.offer(captured("q", 1.0, model="text"), 0.0)
    assert shadow.counters() == {"pairs": 0, **dict.fromkeys(COUNTS, 0), "unfit": 1}


def test_messages_stay_within_the_hubs_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 100)
    client = FakeClient()
    shadow = Shadow(CONFIG, client)
    pairs = [b'{"n": %d, "x": "%s"}' % (n, b"x" * 27) for n in range(5)]
    for pair in [*pairs, b'"' + b"x" * 100 + b'"']:
        shadow.keep(pair)
    asyncio.run(shadow.send())
    assert [pair["n"] for pair in client.pairs] == [0, 1, 2, 3, 4]
    assert all(len(message.body) <= 100 for message in client.sent)
    assert len({message.message_id for message in client.sent}) == len(client.sent) == 3
    assert {message.properties["kind"] for message in client.sent} == {"comparison"}
    assert client.lost("unfit") == 1, "the pair that fits into no message"


def test_while_the_hub_is_away_the_newest_pairs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTBOX_PAIRS", 2)
    client = FakeClient()
    shadow = Shadow(CONFIG, client)
    client.away = True
    shadow.keep(b"0")
    with pytest.raises(Unavailable):
        asyncio.run(shadow.send())
    for number in range(1, 5):
        shadow.keep(b"%d" % number)
    client.away = False
    asyncio.run(shadow.send())
    assert [message.body for message in client.sent] == [b"[3,4]"]
    assert client.lost("unsent") == 3
    asyncio.run(shadow.send())
    assert len(client.sent) == 1, "what was told is not told again"


def test_what_is_missing_is_told_even_without_a_pair() -> None:
    client = FakeClient()
    shadow = Shadow(CONFIG, client)
    shadow.offer(b"{", 0.0)
    asyncio.run(shadow.send())
    (message,) = client.sent
    assert (message.body, message.properties["unfit"]) == (b"[]", "1")


def test_a_candidate_that_is_not_there_costs_questions_and_not_the_module(tmp_path: Path) -> None:
    client = FakeClient()
    config = ShadowConfig(
        tmp_path, "127.0.0.1:1", "taxi", send_seconds=0.05, call_seconds=0.1, look_seconds=0.05
    )
    path = tmp_path / "captures-20260101T000000000000Z-000001.jsonl.open"
    path.write_bytes(captured("q", 1.0) + b"\n")

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(Shadow(config, client).run(stop))
        while not client.lost("failed"):
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(work(), 10))
    assert client.closed
    assert client.reported["shadow"]["failed"] == 1


def test_the_module_is_told_all_by_its_environment() -> None:
    config = ShadowConfig.from_environment(ENVIRON)
    assert (config.model, config.target, config.champion) == ("taxi", "taxi_candidate:8081", "")
    changed = {"MODEL_NAME": "other", "SHADOW_CHAMPION": "taxi:8081", "SHADOW_CALL_SECONDS": "2"}
    config = ShadowConfig.from_environment({**ENVIRON, **changed})
    assert (config.model, config.champion, config.call_seconds) == ("other", "taxi:8081", 2.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"CAPTURE_DIR": ""}, "CAPTURE_DIR is not set"),
        ({"SHADOW_TARGET": "taxi"}, "SHADOW_TARGET is 'taxi'"),
        ({"SHADOW_CHAMPION": ":8081"}, "SHADOW_CHAMPION is ':8081'"),
        ({"IOTEDGE_MODULEID": "taxi"}, "which model"),
        ({"SHADOW_TIME_EVERY": "-1"}, "SHADOW_TIME_EVERY"),
        ({"SHADOW_LATE_SECONDS": "soon"}, "SHADOW_LATE_SECONDS"),
    ],
)
def test_a_wrong_environment_is_told(changes: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        ShadowConfig.from_environment({**ENVIRON, **changes})
