import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.ports import PortBook, assign_ports, is_unused, reserve
from protos.errors import Unavailable

KEYS = st.tuples(st.sampled_from("abc"), st.integers(8080, 8082))
PORTS = st.integers(50000, 50010)


def held(port: int) -> socket.socket:
    """Stands for a reservation."""
    return socket.socket()


@given(st.dictionaries(KEYS, PORTS), st.dictionaries(KEYS, PORTS), st.sets(PORTS))
def test_ports_are_unique_free_stable_and_not_below_what_was_wanted(
    wanted: dict[tuple[str, int], int], earlier: dict[tuple[str, int], int], busy: set[int]
) -> None:
    held = assign_ports(earlier, {}, lambda port: True)
    ports = assign_ports(wanted, held, lambda port: port not in busy)
    assert set(ports) == set(wanted)
    assert len(set(ports.values())) == len(ports)
    for key, port in ports.items():
        if key in held:
            assert port == held[key]
        else:
            assert port >= wanted[key]
            assert port not in busy


def test_no_port_left_is_said() -> None:
    with pytest.raises(Unavailable, match="no free port at or above 65000 for module a"):
        assign_ports({("a", 1): 65000}, {}, lambda port: False)


def test_devices_of_a_fleet_get_different_ports_and_keep_them() -> None:
    book = PortBook(unused=lambda port: True, reserve=held)
    wanted = {("scorer", 8081): 50051}
    assert book.assign("line-1", wanted) == {("scorer", 8081): 50051}
    assert book.assign("line-2", wanted) == {("scorer", 8081): 50052}
    assert book.assign("line-1", wanted) == {("scorer", 8081): 50051}


def test_a_port_comes_back_after_a_restart_unless_somebody_took_it() -> None:
    taken = {50051}
    book = PortBook(
        unused=lambda port: port not in taken,
        reserve=lambda port: None if port in taken else held(port),
    )
    wanted = {("scorer", 8081): 50051}
    book.restore("line-1", {("scorer", 8081): 50051})
    book.restore("line-2", {("scorer", 8081): 50060})
    assert book.assign("line-1", wanted) == {("scorer", 8081): 50052}
    assert book.assign("line-2", wanted) == {("scorer", 8081): 50060}


def test_a_port_that_is_no_longer_wanted_is_given_up() -> None:
    book = PortBook(unused=lambda port: True, reserve=held)
    book.assign("line-1", {("scorer", 8081): 50051})
    book.assign("line-1", {})
    assert book.assign("line-2", {("web", 8080): 50051}) == {("web", 8080): 50051}


def test_a_port_with_a_listener_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_unused(port)
    assert is_unused(port)


def test_a_reserved_port_is_kept_for_the_module_and_for_nobody_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert reserve(port) is None
    book = PortBook()
    assert book.assign("line-1", {("scorer", 8081): port}) == {("scorer", 8081): port}
    assert not is_unused(port)
    for _ in range(2):  # the module listens there, and again after a restart
        with socket.create_server(("127.0.0.1", port)):
            pass
    other = PortBook()
    assert other.assign("line-1", {("scorer", 8081): port})[("scorer", 8081)] > port
    book.close()
    assert is_unused(port)
    other.close()
