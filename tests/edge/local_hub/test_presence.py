"""Who is connected."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.local_hub.documents import Documents
from edge.local_hub.limits import Limits
from edge.local_hub.presence import Presence
from edge.local_hub.state import State


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def make_state(path: Path) -> State:
    return State(Documents(path / "hub.db"), Limits(), "localhost:1", Clock())


def test_after_a_crash_nobody_is_connected(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    state.documents.put("identity", "d", "m", {})
    presence = Presence(state)
    presence.connected("d", "m")
    stored = state.documents.get("presence", "d", "m")
    assert stored is not None
    assert stored["connected"] is True
    state.documents.close()  # as after a crash: no disconnect was written
    state = make_state(tmp_path)
    Presence(state)
    assert state.documents.get("presence", "d", "m") == {**stored, "connected": False}


def test_activity_moves_on_and_the_time_of_the_connection_does_not(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    state.documents.put("identity", "d", "", {})
    presence = Presence(state)
    presence.active("d", "")
    assert state.documents.get("presence", "d") is None
    presence.connected("d", "")
    before = state.documents.get("presence", "d")
    presence.active("d", "")
    after = state.documents.get("presence", "d")
    assert before is not None
    assert after is not None
    assert after["updated"] == before["updated"]
    assert after["activity"] > before["activity"]


def test_a_removed_identity_leaves_no_trace(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    Presence(state).disconnected("gone", "")
    assert state.documents.get("presence", "gone") is None
