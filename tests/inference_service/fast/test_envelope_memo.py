"""Any message has one outcome: with its shape seen before, or not, alone or among others."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.changed_requests import Planes, good_requests


@pytest.fixture(scope="module")
def planes(taxi: Path) -> Planes:
    return Planes(taxi)


@settings(max_examples=400, deadline=None)
@given(octets=st.binary(min_size=2, max_size=40))
def test_a_changed_request_has_one_outcome(planes: Planes, octets: bytes) -> None:
    planes.check(octets)


@settings(max_examples=100, deadline=None)
@given(message=st.binary(max_size=100))
def test_any_octets_are_refused_alike(planes: Planes, message: bytes) -> None:
    (fresh,) = planes.ask(planes.warm, [message])
    (warm,) = planes.ask(planes.warm, [message])
    assert type(fresh) is type(warm)


def test_good_requests_take_the_short_way(planes: Planes) -> None:
    """Otherwise the property above would compare the long way with itself."""
    _, heads = planes.warm._known
    assert sum(shapes.count for shapes in heads.values()) >= 4
    assert len(good_requests()) >= 10
