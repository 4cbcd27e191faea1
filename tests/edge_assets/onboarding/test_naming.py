"""Names of columns and models."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.preparing import plain
from edge_assets.onboarding.naming import (
    FIRST_PORT,
    TAKEN,
    aliases_of,
    check_model_name,
    free_port,
    identifiers,
)
from protos.errors import ConfigurationError

HEADERS = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique_by=plain)


@given(HEADERS)
def test_every_header_gets_a_name_of_its_own_and_is_found_by_it(headers: list[str]) -> None:
    names = identifiers(headers)
    assert list(names) == headers
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) for name in names.values())
    assert not set(names.values()) & set(TAKEN)
    for header, name in names.items():
        wanted = {plain(name), *map(plain, aliases_of(name, header))}
        assert [other for other in headers if plain(other) in wanted] == [header]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Fixed Acidity (g/L)", "fixed_acidity_g_l"),
        ("tripDistance", "trip_distance"),
        ("2nd bath", "c_2nd_bath"),
        ("Größe", "grosse"),
        ("€", "column_1"),
        ("batch", "batch_value"),
        ("probabilities", "probabilities_value"),
    ],
)
def test_names(header: str, name: str) -> None:
    assert identifiers([header]) == {header: name}


def test_headers_that_are_one_name_to_the_reader_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="one name"):
        identifiers(["Trip Distance", "trip_distance"])


@pytest.mark.parametrize("name", ["Wine", "1st", "a-b", "", "models", "x" * 50, "../up", "a b"])
def test_bad_model_names_are_told_with_a_better_one(name: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        check_model_name(name)
    check_model_name(told.value.remedy.rpartition(" ")[2])


def test_ports() -> None:
    assert free_port([50051]) == FIRST_PORT
    assert free_port([FIRST_PORT, FIRST_PORT + 2]) == FIRST_PORT + 1
    with pytest.raises(ConfigurationError, match="no free port"):
        free_port(range(FIRST_PORT, 60000))
