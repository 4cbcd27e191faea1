"""Telemetry files: lines, durability, immutability, recovery."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.mqtt.topics import Telemetry
from edge.local_hub.telemetry import TelemetryWriter, message_line

NOW = datetime(2026, 1, 2, 3, 4, 5, 678900, UTC)
JSON = {"ct": "application/json", "ce": "utf-8"}


def line(system: dict[str, str], payload: bytes, module: str = "m") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        message_line("d", module, Telemetry(system, {"kind": "capture"}), payload, NOW)
    )
    return found


def test_a_line_as_the_hub_routes_it() -> None:
    assert line({**JSON, "mid": "1", "unknown": "x"}, b'[{"a": 1}]') == {
        "EnqueuedTimeUtc": "2026-01-02T03:04:05.6789000Z",
        "Properties": {"kind": "capture"},
        "SystemProperties": {
            "connectionDeviceId": "d",
            "connectionModuleId": "m",
            "contentType": "application/json",
            "contentEncoding": "utf-8",
            "messageId": "1",
            "enqueuedTime": "2026-01-02T03:04:05.6789000Z",
        },
        "Body": [{"a": 1}],
    }


def test_a_device_has_no_module() -> None:
    assert "connectionModuleId" not in line({}, b"", module="")["SystemProperties"]


@pytest.mark.parametrize(
    ("system", "payload", "body"),
    [
        ({"ct": "Application/JSON; charset=utf-8", "ce": "UTF-8"}, b"1", 1),
        ({"ct": "application/json"}, b"1", "MQ=="),
        ({}, b'{"a":1}', "eyJhIjoxfQ=="),
        (JSON, b"{", "ew=="),
        (JSON, b"NaN", "TmFO"),
        (JSON, b"\xff", "/w=="),
    ],
)
def test_the_body_is_json_only_if_it_says_so_and_is(
    system: dict[str, str], payload: bytes, body: Any
) -> None:
    assert line(system, payload)["Body"] == body


async def _send(root: Path, count: int) -> list[Path]:
    """Sends messages; what lay on disk, under whatever name, when the last was acknowledged."""
    writer = TelemetryWriter(root, "localhost", lambda: NOW)
    task = asyncio.create_task(writer.run())
    message = Telemetry(JSON, {})
    await asyncio.gather(*(writer.append("d", "m", message, b"%d" % n) for n in range(count)))
    found = [path for path in root.rglob("*") if path.is_file()]
    text = "".join(path.read_text() for path in found)
    assert [json.loads(one)["Body"] for one in text.splitlines()] == list(range(count))
    writer.stop()
    await asyncio.wait_for(task, 5)
    return found


def test_messages_are_durable_when_acknowledged_and_named_at_the_end(tmp_path: Path) -> None:
    before = asyncio.run(_send(tmp_path, 100))
    assert [path.suffix for path in before] == [".open"]
    after = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in after] == [tmp_path / "localhost/0/2026/01/02/03/04"]
    assert after[0].name.endswith(".json")


async def _wait_for_name(root: Path) -> float:
    writer = TelemetryWriter(root, "localhost", lambda: NOW)
    task = asyncio.create_task(writer.run())
    await writer.append("d", "", Telemetry({}, {}), b"x")
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(5):
        while not list(root.rglob("*.json")):
            await asyncio.sleep(0.02)
    waited = loop.time() - start
    writer.stop()
    await task
    return waited


def test_a_file_gets_its_name_within_a_second(tmp_path: Path) -> None:
    assert asyncio.run(_wait_for_name(tmp_path)) < 1.0


async def _fail(root: Path) -> None:
    writer = TelemetryWriter(root, "localhost", lambda: NOW)
    (root / "localhost/0/2026").write_text("a file where a folder must be")
    task = asyncio.create_task(writer.run())
    try:
        await asyncio.wait_for(writer.append("d", "", Telemetry({}, {}), b"x"), 5)
    finally:
        writer.stop()
        await task


def test_what_cannot_be_stored_is_not_acknowledged(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="2026"):
        asyncio.run(_fail(tmp_path))


def test_after_a_crash_whole_lines_are_kept_and_a_torn_one_goes(tmp_path: Path) -> None:
    folder = tmp_path / "localhost/0/2026"
    folder.mkdir(parents=True)
    (folder / "1.json.open").write_bytes(b'{"a":1}\n{"b":')
    (folder / "2.json.open").write_bytes(b'{"torn')
    (folder / "3.json").write_bytes(b'{"c":1}\n')
    TelemetryWriter(tmp_path, "localhost", lambda: NOW)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {"1.json": b'{"a":1}\n', "3.json": b'{"c":1}\n'}
