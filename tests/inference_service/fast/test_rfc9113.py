"""Every rule of the tables: answered as the RFC says, and the same however the octets are cut."""

import random

import pytest

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error
from tests.inference_service.fast.case import Case
from tests.inference_service.fast.tables import CASES
from tests.inference_service.fast.wire import EMPTY_SETTINGS, Frame, Wire, parse

PIECES = 700
"""Larger inputs are cut into about so many pieces; smaller ones octet by octet."""


def _wire(case: Case) -> Wire:
    wire = Wire()
    if case.greeted:
        wire.greet()
    return wire


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_rule(case: Case) -> None:
    wire = _wire(case)
    came = wire.ask(case.octets)
    if not case.greeted:  # what we say first, whatever comes
        assert came[0].kind == frames.SETTINGS
        assert came[1].kind == frames.WINDOW_UPDATE
    case.answer.check(wire, came)
    if case.answer.ends:
        assert wire.connection.closing
        assert not wire.connection.streams
        assert wire.send(EMPTY_SETTINGS) == b""
    else:
        assert wire.is_alive


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("seed", [0, 1], ids=["octets", "chunks"])
def test_cuts_do_not_matter(case: Case, seed: int) -> None:
    whole, cut = _wire(case), _wire(case)
    expected = whole.ask(case.octets)
    sent = b""
    for piece in _pieces(case.octets, seed):
        sent += cut.send(piece)
    assert _in_turns(parse(sent)) == _in_turns(expected)
    assert cut.calls.counted == whole.calls.counted
    assert cut.dispatcher.open == whole.dispatcher.open


def _pieces(octets: bytes, seed: int) -> list[bytes]:
    most = max(1, len(octets) // PIECES) * (1 if seed == 0 else 60)
    chance = random.Random(seed)
    found, place = [], 0
    while place < len(octets):
        size = most if seed == 0 else chance.randint(1, most)
        found.append(octets[place : place + size])
        place += size
    return found


def _in_turns(came: list[Frame]) -> list[tuple[int, list[Frame], int]]:
    """What came on each stream, in order.

    Windows may be opened in other steps, their sum counts. A refusal may come before the client's
    end, and then says with RST_STREAM NO_ERROR that the rest is not wanted.
    """
    found = []
    for stream in sorted({one.stream for one in came}):
        mine = [one for one in came if one.stream == stream]
        grants = [one.code for one in mine if one.kind == frames.WINDOW_UPDATE]
        rest = [
            one
            for one in mine
            if one.kind != frames.WINDOW_UPDATE
            and not (one.kind == frames.RST_STREAM and one.code == Error.NO_ERROR)
        ]
        found.append((stream, rest, sum(grants) if stream == 0 else 0))
    return found


def test_the_tables_are_large_and_have_no_rule_twice() -> None:
    names = [case.id for case in CASES]
    assert len(names) > 300
    assert len(set(names)) == len(names)
