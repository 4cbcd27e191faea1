"""Reading h2load and the client in C; what is no good answer is stopped."""

import pytest

from benchmarks.inference.load import Load, check_bytes, parse_h2load
from benchmarks.inference.native import parse_told
from protos.errors import Unavailable, VerificationFailed

GOOD = """starting benchmark...
spawning thread #0: 8 total client(s). Timing-based test with 2s of main duration.
Main benchmark duration is started for thread #0.
progress: 10% of clients started

finished in 2.00s, 7649.00 req/s, 792.83KB/s
requests: 15298 total, 15306 started, 15298 done, 15298 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 15298 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.55MB (1623706) total, 45.40KB (46494) headers (space savings 96.25%), 702.15KB (719006) data
                     min         max         mean         sd        +/- sd
time for request:      401us      9.60ms      1.04ms       317us    93.55%
"""  # noqa: E501 - as h2load 1.52 prints it


def test_summary_of_h2load() -> None:
    assert parse_h2load(GOOD) == Load(answers=15298, seconds=2.0, data_bytes=719006)
    assert parse_h2load(GOOD).rate == 7649.0


def test_short_runs_have_other_units() -> None:
    text = GOOD.replace("finished in 2.00s", "finished in 500.25ms")
    assert parse_h2load(text).seconds == pytest.approx(0.50025)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0 failed", "3 failed"),
        ("0 errored", "1 errored"),
        ("0 timeout", "1 timeout"),
        ("codes: 15298 2xx, 0 3xx", "codes: 15290 2xx, 8 3xx"),
        ("15298 succeeded", "0 succeeded"),
    ],
)
def test_failed_requests_are_no_measurement(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(VerificationFailed):
        parse_h2load(GOOD.replace(old, new))


def test_what_is_no_summary_says_so() -> None:
    with pytest.raises(Unavailable, match="Could not open file"):
        parse_h2load("-d: Could not open file /tmp/nothing\n")


def test_answers_without_bodies_are_errors() -> None:
    check_bytes(Load(100, 1.0, 4700), 47, 47, in_flight=8)
    check_bytes(Load(100, 1.0, 4700 + 8 * 47), 47, 47, in_flight=8)
    check_bytes(Load(100, 1.0, 4800), 47, 50, in_flight=8)
    for data_bytes in (0, 4699, 4700 + 8 * 47 + 1):
        with pytest.raises(VerificationFailed, match="100 answers"):
            check_bytes(Load(100, 1.0, data_bytes), 47, 47, in_flight=8)


def told(answers: int, bad: int) -> str:
    return (
        f'{{"answers": {answers}, "bad": {bad}, "seconds": 2.0, "p50_us": 128.3, '
        '"p99_us": 224.7, "first_ns": 13105978916346}\n'
    )


def test_line_of_the_client_in_c() -> None:
    found = parse_told(told(14000, 0))
    assert (found.rate, found.p99_us, found.first_ns) == (7000.0, 224.7, 13105978916346)


def test_bad_answers_are_no_measurement() -> None:
    for text in (told(14000, 1), told(0, 0)):
        with pytest.raises(VerificationFailed):
            parse_told(text)
    assert parse_told(told(1, 7), retried=True).bad == 7
