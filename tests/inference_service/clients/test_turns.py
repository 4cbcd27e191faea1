"""Turns: as many slow questions at once as there are cores, and none in vain."""

import threading
from contextlib import ExitStack

import pytest

from inference_service.errors import CannotBeInTime
from inference_service.transports.turns import QUICK_SECONDS, Turns

_SLOW = 0.5


def _always() -> bool:
    return True


def test_a_quick_question_takes_no_turn() -> None:
    turns = Turns(1)
    with turns.turn(_SLOW, None, _always), turns.turn(QUICK_SECONDS / 2, 1.0, _always):
        pass


def test_who_cannot_be_in_time_is_refused_at_once() -> None:
    turns = Turns(2)
    with pytest.raises(CannotBeInTime), turns.turn(_SLOW, _SLOW / 2, _always):
        pass
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(turns.turn(_SLOW, None, _always))
        with (
            pytest.raises(CannotBeInTime, match="1 s of other work"),
            turns.turn(_SLOW, 2 * _SLOW - 0.01, _always),
        ):
            pass
    with turns.turn(_SLOW, _SLOW, _always):  # alone again, it can
        pass


def test_a_deadline_that_passes_while_it_waits() -> None:
    turns = Turns(1)
    running = turns.turn(0.01, None, _always)
    with running, pytest.raises(CannotBeInTime, match="before the question"):
        turns.turn(0.01, 0.05, _always).__enter__()  # the first takes far longer than it said
    with turns.turn(0.01, None, _always):
        pass


def test_who_has_gone_while_waiting_is_not_run_and_the_next_is() -> None:
    turns = Turns(1)
    gone = threading.Event()
    ran: list[str] = []
    refused: list[CannotBeInTime] = []

    def ask(name: str) -> None:
        try:
            with turns.turn(_SLOW, None, lambda: name != "gone" or not gone.is_set()):
                ran.append(name)
        except CannotBeInTime as error:
            refused.append(error)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("gone", "stays")]
    with turns.turn(_SLOW, None, _always):
        for thread in threads:
            thread.start()
        gone.set()
    for thread in threads:
        thread.join(5)
    assert ran == ["stays"]
    assert len(refused) == 1


def test_a_deadline_in_the_next_century_is_none() -> None:
    turns = Turns(1)
    with turns.turn(0.01, 9.2e18, lambda: True):
        pass
