"""Frames that are nearly right: no crash, no hang, and the books are right after each of them."""

import base64
import importlib.util
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.program import check
from tests.inference_service.fast.case import Case
from tests.inference_service.fast.tables import CASES
from tests.inference_service.fast.wire import Wire

RUNS = 5000
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: no wheel here"
)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_frames_that_are_nearly_right(octets: bytes) -> None:
    check(octets)


FOUND = {
    "an oversized message, refused before its end or after": (
        "gStzc3tzc3Nzc3Nzc3MAcwBzc3NzcwEAAAAAAAAIc3N6gQ=="
    ),
    "DATA after the end, before the answer or after": (
        "gStzgQwWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
        "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
        "FgAAAAAAAAD//+8AAAAAAAAADGnic3MBAHNzc3OB"
    ),
    "a window above the highest, then calls": "WyiBKwkAABAA",
}
"""Inputs that the fuzzer found; by their program, so a change of `program` blunts them."""


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_before(what: str) -> None:
    check(base64.b64decode(FOUND[what]))


SMALL = [case for case in CASES if len(case.octets) < 3000]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from(SMALL), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6),
    st.integers(0, 1 << 16),
)
def test_rows_of_the_tables_joined_and_changed(
    cases: list[Case], changes: list[tuple[int, int]], end: int
) -> None:
    octets = bytearray().join(case.octets for case in cases)
    for place, value in changes:
        octets[place % len(octets)] = value
    if end % 3 == 0:
        del octets[end % len(octets) :]
    wire = Wire().greet()
    wire.ask(bytes(octets))
    wire.connection.close()
    assert wire.calls.counted == wire.dispatcher.open == wire.connection.sender.waiting == 0


@needs_atheris
@pytest.mark.parametrize("target", ["frames", "requests"])
def test_the_fuzz_target_runs(target: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", f"tests.fuzz.{target}", "--runs", str(RUNS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert f"Done {RUNS} runs" in ran.stderr
