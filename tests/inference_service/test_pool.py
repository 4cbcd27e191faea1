"""The reference transport's threads."""

import threading

from inference_service.transports.pool import ThreadPool
from tests.inference_service.harness import wait_until


def test_every_step_is_taken_and_told_of_once() -> None:
    pool = ThreadPool(4)
    taken: list[int] = []
    told: list[int] = []
    for number in range(500):
        task = pool.submit(taken.append, number)
        task.add_done_callback(lambda _: told.append(1))
    pool.shutdown()
    assert sorted(taken) == list(range(500))
    assert len(told) == 500


def test_a_callback_that_comes_late_is_called_too() -> None:
    pool = ThreadPool(1)
    done = threading.Event()
    task = pool.submit(done.set)
    assert done.wait(5)
    told: list[int] = []
    task.add_done_callback(lambda _: told.append(1))
    wait_until(lambda: told == [1])
    pool.shutdown()


def test_a_step_that_fails_does_not_end_its_thread() -> None:
    pool = ThreadPool(1)

    def fail() -> None:
        raise ValueError("as it happens")

    pool.submit(fail)
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(5)
    pool.shutdown()
