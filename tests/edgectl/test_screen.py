from pathlib import Path
from typing import Any

import pytest

from edgectl.fleet_view import DeviceRow
from edgectl.process_tree import ChildStatus
from edgectl.screen import Page, next_steps, text


def page(**changes: Any) -> Page:
    values: dict[str, Any] = {
        "home": Path("/home/edge"),
        "ui_url": "http://127.0.0.1:3000",
        "hub": "localhost:18443",
        "gateway": "127.0.0.2",
        "registry": "localhost:18443",
        "landing": "/home/edge/landing",
        "children": [ChildStatus("hub", "running", 42, 0, Path("/home/edge/logs/hub.log"))],
        "devices": [device()],
        "model": "m",
    }
    return Page(**{**values, **changes})


def device(desired: str = "", proven: str = "") -> DeviceRow:
    return DeviceRow("line-1", "canary", "m", "idle", None, desired, "", proven, "")


def test_the_page_says_where_everything_is() -> None:
    shown = text(page(happened=["12:00:00  hub ended"]))
    for words in (
        "http://127.0.0.1:3000",
        "https://localhost:18443",
        "MQTT 127.0.0.2:8883",
        "/home/edge/landing/MODEL",
        "line-1  canary",
        "42",
        "12:00:00  hub ended",
        "Ctrl-C",
    ):
        assert words in shown


def test_a_hub_that_does_not_answer_is_said() -> None:
    assert "the hub does not answer" in text(page(devices=None))


@pytest.mark.parametrize(
    ("row", "first"),
    [
        (device(), "edgectl data sample m"),
        (device(desired="abc"), "edgectl fleet list"),
        (device(desired="abc", proven="abc"), "edgectl predict line-1"),
    ],
)
def test_the_next_step_fits_what_is_there(row: DeviceRow, first: str) -> None:
    assert next_steps(page(devices=[row]))[0].startswith(first)


def test_a_large_fleet_fits_the_terminal_and_shows_trouble_first() -> None:
    devices = [device() for _ in range(40)]
    devices[37] = DeviceRow("line-38", "broad", "m", "failing", None, "a", "b", "", "no answer")
    shown = text(page(devices=devices, happened=["x"] * 6), height=24)
    assert shown.count("\n") < 24
    assert "line-38" in shown
    assert "more: edgectl fleet list" in shown
    assert "edgectl doctor" in shown


def test_a_tiny_terminal_still_shows_three_devices() -> None:
    shown = text(page(devices=[device() for _ in range(9)]), height=5)
    assert shown.count("line-1") == 3
    assert "... and 6 more" in shown
