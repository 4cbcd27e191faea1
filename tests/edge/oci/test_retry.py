import pytest

from edge.oci.retry import Retries, is_passing, retry_after_seconds

CALM = Retries(attempts=4, first_seconds=1.0, longest_seconds=3.0, jitter=lambda: 1.0)


def test_waits_double_up_to_the_longest_and_end() -> None:
    assert [CALM.delay(n) for n in (1, 2, 3, 4)] == [1.0, 2.0, 3.0, None]


def test_jitter_takes_away_at_most_half() -> None:
    eager = Retries(attempts=4, first_seconds=1.0, jitter=lambda: 0.0)
    assert eager.delay(1) == 0.5


def test_the_server_may_ask_for_more_but_not_for_too_much() -> None:
    assert CALM.delay(1, retry_after=2.5) == 2.5
    assert CALM.delay(1, retry_after=0.1) == 1.0
    assert CALM.delay(1, retry_after=3600) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("soon", None),
        ("-3", None),
    ],
)
def test_reads_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(text, now=60.0) == seconds


@pytest.mark.parametrize(
    ("status", "passing"), [(429, True), (503, True), (404, False), (401, False)]
)
def test_knows_what_may_pass(status: int, passing: bool) -> None:
    assert is_passing(status) is passing
