"""The waiter: awake only while requests follow each other, asleep otherwise."""

import time
from collections.abc import Sequence

from inference_service.transports.fast.waiting import Events, Waiter

_SPIN = 0.05  # long, so that a slow machine does not decide what a test sees
_EVENT: Events = [(1, 1)]


class Poll:
    """An epoll that gives what it is told to, and remembers how it was asked."""

    def __init__(self, answers: Sequence[tuple[float, Events]]) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []

    def __call__(self, seconds: float) -> Events:
        self.asked.append(seconds)
        delay, events = self.answers[0] if self.answers else (0.0, ())
        if seconds == 0 and delay:
            return ()
        if self.answers:
            self.answers.pop(0)
        time.sleep(delay)
        return events


def test_after_a_quick_event_it_looks_before_it_sleeps() -> None:
    poll = Poll([(0.0, _EVENT), (0.0, _EVENT)])
    waiter = Waiter(poll, _SPIN)
    assert [waiter.wait(9.0), waiter.wait(9.0)] == [_EVENT, _EVENT]
    assert poll.asked == [9.0, 0]


def test_after_a_long_wait_it_sleeps_at_once() -> None:
    poll = Poll([(2 * _SPIN, _EVENT), (0.0, _EVENT)])
    waiter = Waiter(poll, _SPIN)
    waiter.wait(9.0)
    assert waiter.wait(9.0) == _EVENT
    assert poll.asked == [9.0, 9.0]


def test_one_look_in_vain_and_it_sleeps_again() -> None:
    poll = Poll([(0.0, _EVENT), (2 * _SPIN, _EVENT), (2 * _SPIN, _EVENT)])
    waiter = Waiter(poll, _SPIN)
    for _ in range(3):
        assert waiter.wait(9.0) == _EVENT
    assert [seconds for seconds in poll.asked if seconds] == [9.0, 9.0, 9.0]
    assert poll.asked[0] == poll.asked[-1] == 9.0  # it looked during the second wait only


def test_without_spin_it_always_sleeps() -> None:
    poll = Poll([(0.0, _EVENT)] * 3)
    waiter = Waiter(poll, 0.0)
    for _ in range(3):
        waiter.wait(9.0)
    assert poll.asked == [9.0, 9.0, 9.0]
