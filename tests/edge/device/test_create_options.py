import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.create_options import (
    CreateOptions,
    Volume,
    join_create_options,
    parse_create_options,
)
from protos.errors import ConfigurationError


def test_nothing_is_no_options() -> None:
    assert parse_create_options("") == parse_create_options("{}") == CreateOptions()


def test_reads_what_a_manifest_of_a_release_carries() -> None:
    options = parse_create_options(
        json.dumps(
            {
                "Cmd": ["python", "-m", "edge.modules.captures"],
                "Env": ["A=1", "B=x=y"],
                "HostConfig": {
                    "PortBindings": {"8081/tcp": [{"HostPort": "50051"}]},
                    "Binds": ["/var/lib/edge-assets/m/captures:/captures", "data:/data:ro"],
                },
            }
        )
    )
    assert options == CreateOptions(
        command=("python", "-m", "edge.modules.captures"),
        env=(("A", "1"), ("B", "x=y")),
        ports=((8081, 50051),),
        volumes=(
            Volume("/var/lib/edge-assets/m/captures", "/captures", False),
            Volume("data", "/data", True),
        ),
    )


@given(st.text(max_size=4096), st.integers(1, 512))
def test_pieces_join_to_the_text_they_were_cut_from(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)][:8]
    settings = {"createOptions" + (f"{n:02d}" if n else ""): p for n, p in enumerate(pieces)}
    assert join_create_options({"image": "i", **settings}) == "".join(pieces)


def test_pieces_after_a_gap_do_not_count() -> None:
    settings = {"createOptions": "a", "createOptions02": "c"}
    assert join_create_options(settings) == "a"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{", "not JSON"),
        ("[]", "createOptions is not an object"),
        ('{"Cmd": "python"}', "Cmd"),
        ('{"Env": ["=1"]}', "no name"),
        ('{"HostConfig": []}', "HostConfig"),
        ('{"HostConfig": {"PortBindings": {"8081/udp": [{"HostPort": "1"}]}}}', "8081/udp"),
        ('{"HostConfig": {"PortBindings": {"8081/tcp": [{"HostPort": "0"}]}}}', "TCP port"),
        ('{"HostConfig": {"PortBindings": {"8081/tcp": []}}}', "exactly one"),
        ('{"HostConfig": {"Binds": ["/a"]}}', "source:/target"),
        ('{"HostConfig": {"Binds": ["/a:b"]}}', "source:/target"),
        ('{"HostConfig": {"Binds": ["/a/../../etc:/b"]}}', "climbs"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(options: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_create_options(options)


def test_a_piece_that_is_not_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="createOptions01"):
        join_create_options({"createOptions": "{", "createOptions01": 1})
