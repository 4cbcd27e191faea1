"""RFC 7541, HPACK: table, table size, strings, indexed fields, integers."""

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame
from tests.inference_service.fast.case import ANSWERED, Answer, Case, Goaway, Reset
from tests.inference_service.fast.wire import block, call, data, integer, literal, message

BROKEN = Goaway(Error.COMPRESSION_ERROR)
HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
FIELDS = block(call())


def _sent(section: str, what: str, header_block: bytes, answer: Answer = BROKEN) -> Case:
    octets = frame(frames.HEADERS, frames.END_HEADERS, 1, header_block)
    return Case(section, what, octets + data(1, message(), end=True), answer)


def _second(section: str, what: str, first: bytes, then: bytes, answer: Answer = BROKEN) -> Case:
    """`then` in the block of stream 3, after `first` in that of stream 1."""
    octets = frame(frames.HEADERS, 4, 1, first) + frame(frames.HEADERS, 4, 3, then)
    return Case(section, what, octets + data(1, message(), end=True), answer)


def _size(size: int) -> bytes:
    return integer(size, 5, 0x20)


def _huffman(data: bytes) -> bytes:
    return integer(len(data), 7, 0x80) + data


KEPT = literal(b"x-kept", b"v", 0x40)
INDEX = [
    _sent("7541 2.3.3", "an index of no entry", FIELDS + b"\xbe"),
    _sent("7541 2.3.3", "an index far off", FIELDS + integer(5000, 7, 0x80)),
    _sent("7541 2.3.3", "a name with an index of no entry", FIELDS + b"\x7e\x01v"),
    _sent("7541 2.3.3", "an entry that was just kept", FIELDS + KEPT + b"\xbe", ANSWERED),
    _second(
        "7541 2.3.3", "an entry that a block before kept", FIELDS + KEPT, FIELDS + b"\xbe", ANSWERED
    ),
    _second("7541 4.4", "an entry that was evicted", FIELDS + KEPT, _size(0) + FIELDS + b"\xbe"),
    _second(
        "7541 4.4",
        "an entry larger than the table empties it",
        FIELDS + KEPT,
        FIELDS + literal(b"x-big", b"b" * 4100, 0x40) + b"\xbe",
    ),
]
SIZE = [
    _sent("7541 4.2", "a table size after a field", FIELDS + _size(100)),
    _sent(
        "7541 4.2",
        "a table size between fields",
        literal(b":method", b"POST") + _size(1) + block(call(without=b":method")),
    ),
    _sent("7541 4.2", "a smaller table size", _size(100) + FIELDS, ANSWERED),
    _sent("7541 4.2", "two table sizes", _size(0) + _size(4096) + FIELDS, ANSWERED),
    _sent("7541 6.3", "a table size above what is allowed", _size(4097) + FIELDS),
    _sent("7541 6.3", "a table size far above", _size(1 << 23) + FIELDS),
]
_PADDED = HUFFMAN.encode(b"a")  # 00011 and three bits of padding
STRINGS = [
    _sent(
        "7541 5.2",
        "Huffman code",
        FIELDS + b"\0" + _huffman(HUFFMAN.encode(b"x-name")) + _huffman(HUFFMAN.encode(b"value")),
        ANSWERED,
    ),
    _sent(
        "7541 5.2",
        "Huffman code with padding of more than 7 bits",
        FIELDS + b"\0\x01n" + _huffman(_PADDED + b"\xff"),
    ),
    _sent(
        "7541 5.2",
        "Huffman code padded with zeros",
        FIELDS + b"\0\x01n" + _huffman(bytes([_PADDED[0] & 0xF8])),
    ),
    _sent(
        "7541 5.2",
        "Huffman code with the end of string in it",
        FIELDS + b"\0\x01n" + _huffman(b"\xff\xff\xff\xff"),
    ),
    _sent(
        "7541 5.2", "a Huffman string of no octets", FIELDS + b"\0\x01n" + _huffman(b""), ANSWERED
    ),
    _sent("7541 5.2", "a string longer than the block", FIELDS + b"\0\x01n\x05abc"),
    _sent("7541 5.2", "a name longer than the block", FIELDS + b"\0\x7f"),
    _sent("7541 5.2", "a field without its value", FIELDS + b"\0\x01n"),
]
FORM = [
    _sent("7541 6.1", "an indexed field with index 0", FIELDS + b"\x80"),
    _sent("7541 6.2.2", "a field that is not to be kept", FIELDS + literal(b"n", b"v"), ANSWERED),
    _sent(
        "7541 6.2.3",
        "a field that is never to be kept",
        FIELDS + literal(b"n", b"v", 0x10),
        ANSWERED,
    ),
    _sent("7541 5.1", "an integer of many octets", FIELDS + b"\xff" + b"\x80" * 20 + b"\x01"),
    _sent("7541 5.1", "an integer that ends nowhere", FIELDS + b"\xff\x80\x80"),
    _sent("7541 5.1", "an integer of 2^31", FIELDS + integer(1 << 31, 7, 0x80)),
]
LARGE = [
    _sent(
        "7541 7.3",
        "a list of fields above the limit",
        FIELDS + literal(b"n", b"v" * 4000, 0x40) + b"\xbe" * 5,
        Reset(Error.ENHANCE_YOUR_CALM),
    ),
]

CASES = [*INDEX, *SIZE, *STRINGS, *FORM, *LARGE]
