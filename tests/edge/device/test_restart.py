import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.config import AgentConfig, cool_off
from edge.device.manifest import ModuleSpec
from edge.device.restart import (
    ModuleRecord,
    RuntimeStatus,
    counters_clear,
    exited,
    restart_due,
    status_after_exit,
)

CONFIG = AgentConfig()
BACKOFF, FAILED, STOPPED = RuntimeStatus.BACKOFF, RuntimeStatus.FAILED, RuntimeStatus.STOPPED


def record(policy: str = "always", restarts: int = 0) -> ModuleRecord:
    spec = ModuleSpec("m", "i", restart_policy=policy)
    return ModuleRecord(
        spec, status=RuntimeStatus.RUNNING, restart_count=restarts, last_start=100.0
    )


def test_back_off_doubles_up_to_five_minutes() -> None:
    waits = [cool_off(n, CONFIG) for n in range(7)]
    assert waits == [10, 20, 40, 80, 160, 300, 300]


@given(st.integers(0, 10_000))
def test_back_off_never_shrinks_nor_passes_its_limit(restarts: int) -> None:
    assert cool_off(restarts, CONFIG) <= cool_off(restarts + 1, CONFIG) <= 300


@pytest.mark.parametrize(
    ("code", "policy", "status"),
    [
        (0, "always", BACKOFF),
        (1, "always", BACKOFF),
        (0, "on-failure", STOPPED),
        (1, "on-failure", BACKOFF),
        (0, "on-unhealthy", STOPPED),
        (1, "on-unhealthy", BACKOFF),
        (0, "never", STOPPED),
        (1, "never", FAILED),
    ],
)
def test_policies(code: int, policy: str, status: RuntimeStatus) -> None:
    assert status_after_exit(code, policy, 0, CONFIG) is status


def test_after_twenty_restarts_a_module_stays_failed() -> None:
    assert status_after_exit(1, "always", 19, CONFIG) is BACKOFF
    assert status_after_exit(1, "always", 20, CONFIG) is FAILED


def test_a_restart_is_due_when_the_back_off_is_over() -> None:
    gone = exited(record(restarts=1), 3, 200.0, CONFIG)
    assert (gone.status, gone.exit_code, gone.last_exit) == (BACKOFF, 3, 200.0)
    assert "starts again in 20 s" in gone.description
    assert not restart_due(gone, 219.9, CONFIG)
    assert restart_due(gone, 220.0, CONFIG)


def test_a_clock_that_went_backwards_does_not_hold_a_restart() -> None:
    assert restart_due(exited(record(), 1, 200.0, CONFIG), 100.0, CONFIG)


def test_a_module_that_never_began_says_why() -> None:
    gone = exited(record(), 128, 200.0, CONFIG, error="cannot be started: no key")
    assert gone.start_error == "cannot be started: no key"
    assert gone.description.startswith("cannot be started: no key; exited with 128")


def test_a_module_that_is_not_backing_off_is_not_due() -> None:
    assert not restart_due(record(), 1e9, CONFIG)


@pytest.mark.parametrize(
    ("restarts", "now", "clear"), [(1, 700.0, True), (1, 699.0, False), (0, 700.0, False)]
)
def test_counters_clear_after_ten_healthy_minutes(restarts: int, now: float, clear: bool) -> None:
    assert counters_clear(record(restarts=restarts), now, CONFIG) is clear
