import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from edge.device.config import AgentConfig
from edge.device.link import HubLink
from edge.device.testing import MemoryHub

CONFIG = AgentConfig(heartbeat_seconds=0.1, retry_seconds=0.02)


def wait_for(what: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.005)


class Ends:
    def __init__(self, config: AgentConfig = CONFIG) -> None:
        self.hub = MemoryHub()
        self.desired: list[Mapping[str, Any]] = []
        self.link = HubLink("line-1", self.hub.connect, self.desired.append, config)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.link.close(2)


def test_brings_what_is_desired_at_once_and_on_every_change(ends: Ends) -> None:
    ends.link.start()
    wait_for(lambda: len(ends.desired) > 0)
    ends.hub.deploy({"modules": {}})
    wait_for(lambda: ends.desired[-1].get("modules") == {})
    assert ends.link.connected()


def test_reports_only_differences_and_only_once(ends: Ends) -> None:
    ends.hub.reported = {"$version": 4, "modules": {"old": {"a": 1}}, "same": 1}
    ends.link.start()
    ends.link.publish({"modules": {"new": {"b": 2}}, "same": 1})
    wait_for(lambda: ends.hub.reports == 1)
    assert ends.hub.reported == {"$version": 4, "modules": {"new": {"b": 2}}, "same": 1}
    seen = len(ends.desired)
    wait_for(lambda: len(ends.desired) > seen + 1)  # two heartbeats later
    assert ends.hub.reports == 1


def test_a_hub_that_is_away_is_found_again(ends: Ends) -> None:
    ends.hub.down = True
    ends.link.start()
    ends.link.publish({"a": 1})
    wait_for(lambda: len(ends.hub.clients) > 1)
    assert not ends.link.connected()
    ends.hub.down = False
    wait_for(lambda: ends.hub.reported.get("a") == 1)
    assert ends.link.connected()


def test_a_lost_connection_is_made_anew_and_the_twin_read_again(ends: Ends) -> None:
    ends.link.start()
    wait_for(ends.link.connected)
    ends.hub.desired = {"$version": 9}
    ends.hub.lose()
    wait_for(lambda: len(ends.hub.clients) == 2 and ends.link.connected())
    wait_for(lambda: ends.desired[-1] == {"$version": 9})


def test_the_last_report_is_sent_before_leaving(ends: Ends) -> None:
    ends.link.start()
    wait_for(ends.link.connected)
    ends.link.publish({"last": True})
    ends.link.close(2)
    assert ends.hub.reported["last"] is True
    assert not ends.link.connected()


def test_a_heartbeat_finds_a_change_whose_signal_was_lost(ends: Ends) -> None:
    ends.link.start()
    wait_for(lambda: len(ends.desired) > 0)
    ends.hub.desired = {"$version": 7}
    wait_for(lambda: ends.desired[-1] == {"$version": 7})
