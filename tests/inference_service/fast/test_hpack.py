"""HPACK against the library `hpack`: what it writes we read, what it reads we read the same."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.status import Code
from inference_service.transports.fast import sending
from inference_service.transports.fast.frames import ConnectionFailed, Error, StreamFailed
from inference_service.transports.fast.headers import HeaderDecoder
from tests.inference_service.fast.wire import Field, integer, literal

LIST_SIZE = 1 << 16
NAMES = [b":path", b"te", b"grpc-timeout", b"x-request-id", b"x", b"a-name-of-some-length"]
NAME = st.sampled_from(NAMES) | st.binary(max_size=40)
VALUE = st.sampled_from([b"", b"trailers", b"500m"]) | st.binary(max_size=300)
FIELDS = st.lists(st.tuples(NAME, VALUE), max_size=12)


def _decoder() -> HeaderDecoder[list[Field]]:
    return HeaderDecoder(list, 4096, LIST_SIZE)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(FIELDS, st.booleans(), st.sampled_from([None, 0, 40, 100, 1000, 4096])),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_library_writes_is_read(
    blocks: list[tuple[list[Field], bool, int | None]],
) -> None:
    encoder, decoder = hpack.Encoder(), _decoder()
    for fields, huffman, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        written = encoder.encode(fields, huffman=huffman)
        assert decoder.decode(written) == fields
        written = encoder.encode(fields, huffman=huffman)  # now from the table, where it is
        assert decoder.decode(written) == fields
        assert decoder.decode(encoder.encode(fields, huffman=huffman)) == fields


PIECE = st.one_of(
    st.integers(0, 80).map(lambda index: integer(index, 7, 0x80)),
    st.builds(literal, NAME, VALUE, st.sampled_from([0, 0x10, 0x40])),
    st.builds(
        lambda index, value, first: (
            integer(index, 6 if first else 4, first) + integer(len(value), 7) + value
        ),
        st.integers(1, 70),
        VALUE,
        st.sampled_from([0, 0x10, 0x40]).filter(lambda first: first != 0x10),
    ),
    st.sampled_from([0, 31, 100, 4096, 4097]).map(lambda size: integer(size, 5, 0x20)),
    st.binary(max_size=12),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(PIECE, max_size=8).map(b"".join), min_size=1, max_size=5))
def test_what_the_library_reads_is_read_the_same(blocks: list[bytes]) -> None:
    library, decoder = hpack.Decoder(LIST_SIZE), _decoder()
    for block in blocks:
        ours = _outcome(lambda block=block: decoder.decode(block))  # type: ignore[misc]
        theirs = _outcome(
            lambda block=block: [  # type: ignore[misc]
                (bytes(name), bytes(value)) for name, value in library.decode(block, True)
            ]
        )
        if isinstance(ours, ConnectionFailed) and "integer is too large" in ours.reason:
            return  # RFC 7541, 5.1: an implementation has its limits
        if isinstance(theirs, hpack.OversizedHeaderListError):
            assert isinstance(ours, StreamFailed | ConnectionFailed)
            return
        if isinstance(theirs, hpack.HPACKError):
            assert isinstance(ours, ConnectionFailed)
            assert ours.code is Error.COMPRESSION_ERROR
            return
        assert ours == theirs


def _outcome(decode: Callable[[], list[Field]]) -> list[Field] | Exception:
    try:
        return decode()
    except (hpack.HPACKError, ConnectionFailed, StreamFailed) as error:
        return error


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_no_octets_bring_anything_else(blocks: list[bytes]) -> None:
    decoder = _decoder()
    for block in blocks:
        outcome = _outcome(lambda block=block: decoder.decode(block))  # type: ignore[misc]
        if isinstance(outcome, ConnectionFailed):
            assert outcome.code is Error.COMPRESSION_ERROR
            return


def test_a_block_seen_before_is_not_read_again_and_changes_with_the_table() -> None:
    read: list[list[Field]] = []

    def interpret(fields: list[Field]) -> list[Field]:
        read.append(fields)
        return fields

    decoder = HeaderDecoder(interpret, 4096, LIST_SIZE)
    decoder.decode(literal(b"x", b"1", 0x40))
    assert decoder.decode(b"\xbe") is decoder.decode(b"\xbe")
    assert len(read) == 2
    decoder.decode(literal(b"x", b"2", 0x40))
    assert decoder.decode(b"\xbe") == [(b"x", b"2")]
    decoder.fields(literal(b"x", b"3", 0x40))  # trailers move the table as well
    assert decoder.decode(b"\xbe") == [(b"x", b"3")]


def test_the_memo_and_the_table_are_bounded() -> None:
    decoder = _decoder()
    for n in range(5000):
        decoder.decode(literal(b"x", b"%d" % n))
        decoder.decode(literal(b"y", b"%d" % n * 20, 0x40))
    assert len(decoder._memo) <= 256
    assert sum(len(name) + len(value) + 32 for name, value in decoder._table) <= 4096


def test_many_references_to_one_large_entry_are_counted_not_kept() -> None:
    decoder = HeaderDecoder(list, 4096, 16384)
    decoder.decode(literal(b"x", b"v" * 4000, 0x40))
    with pytest.raises(StreamFailed) as failed:
        decoder.decode(b"\xbe" * 16384)
    assert failed.value.code is Error.ENHANCE_YOUR_CALM
    assert decoder.decode(b"\xbe") == [(b"x", b"v" * 4000)]  # the table stayed in step


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=1500), st.sampled_from(list(Code)))
def test_what_we_write_is_read_by_the_library(text: str, code: Code) -> None:
    fields = dict(hpack.Decoder().decode(sending.trailers(code, text), True))
    assert fields[b"grpc-status"] == b"%d" % code
    message = fields.get(b"grpc-message", b"")
    assert all(0x20 <= octet < 0x7F for octet in message)
    told = unquote_to_bytes(message)
    whole = text.encode(errors="replace")
    assert whole.startswith(told)
    assert len(told) == len(whole) or 1020 < len(told) <= 1024
    told.decode()  # cut between two characters


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 70_000))
def test_a_literal_of_any_length_is_read_by_the_library(name: bytes, size: int) -> None:
    decoder = hpack.Decoder(1 << 20)
    ((found, value),) = decoder.decode(sending._literal(name, b"v" * size), True)
    assert (found, value) == (name, b"v" * size)


def test_the_blocks_made_once_are_read_by_the_library() -> None:
    decoder = hpack.Decoder()
    assert dict(decoder.decode(sending._HEADERS, True))[b":status"] == b"200"
    assert dict(decoder.decode(sending._TRAILERS_OK, True)) == {b"grpc-status": b"0"}
    for status, block in sending._STATUS_ONLY.items():
        assert dict(decoder.decode(block, True)) == {b":status": b"%d" % status}
