"""HPACK, the decoding half (RFC 7541), with a memo of header blocks seen before.

Written out here, and checked against the library `hpack` in the tests, because this is the hottest
code for a client that sends another deadline with every call: the library took 58 to 68 us a
block there, this takes a sixth. The Huffman table is the library's.
"""

from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

from hpack.exceptions import HPACKDecodingError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from inference_service.transports.fast.frames import ConnectionFailed, Error, StreamFailed

Field = tuple[bytes, bytes]

_STATIC: tuple[Field, ...] = tuple(HeaderTable.STATIC_TABLE)
_ENTRY_OVERHEAD = 32  # RFC 7541, section 4.1
_MEMO_BLOCKS = 256
_MEMO_BLOCK_BYTES = 1024
_MEMO_STRING_BYTES = 64
_MAX_INTEGER = 1 << 24  # nothing in a header block is longer; bounds the shift as well


Meaning = TypeVar("Meaning")


class HeaderDecoder(Generic[Meaning]):
    """The decoder of one connection.

    `interpret` is what makes a request of a list of fields; its result is memoised with the block.
    `table_size` is the size in octets that we announced for the dynamic table; `list_size` bounds
    a decoded list, counted as RFC 9113 does (each field with 32 octets on top).
    """

    def __init__(
        self, interpret: Callable[[list[Field]], Meaning], table_size: int, list_size: int
    ) -> None:
        self._interpret = interpret
        self._announced = table_size
        self._list_size = list_size
        self._table: deque[Field] = deque()
        self._size = 0
        self._max_size = table_size
        self._memo: dict[bytes, Meaning] = {}
        self.known: Callable[[bytes], Meaning | None] = self._memo.get
        """The meaning of a block that came before, if it is still the same; None if not."""

    def decode(self, block: bytes) -> Meaning:
        """What the fields of one block mean; the same object for the same block.

        A block that does not touch the dynamic table is kept, until another one does. Raises
        ConnectionFailed for what breaks HPACK (the table would be out of step), StreamFailed for
        a list that is too large, and what `interpret` raises.
        """
        known = self._memo.get(block)
        if known is not None:
            return known
        fields, touched = self._decode(block)
        if touched:
            self._memo.clear()
        meaning = self._interpret(fields)
        if not touched and len(block) <= _MEMO_BLOCK_BYTES:
            if len(self._memo) >= _MEMO_BLOCKS:
                self._memo.clear()
            self._memo[block] = meaning
        return meaning

    def fields(self, block: bytes) -> list[Field]:
        """The fields of one block, without their meaning: for trailers. Raises as `decode`."""
        fields, touched = self._decode(block)
        if touched:
            self._memo.clear()
        return fields

    def _decode(self, block: bytes) -> tuple[list[Field], bool]:
        """The fields, and whether the dynamic table was touched."""
        try:
            return self._read(block)
        except IndexError as error:
            raise _broken("it ends inside a field") from error

    def _read(self, block: bytes) -> tuple[list[Field], bool]:
        fields: list[Field] = []
        touched = too_large = False
        place, end, total = 0, len(block), 0
        while place < end:
            first = block[place]
            if first & 0x80:  # indexed
                index, place = _integer(block, place, 0x7F)
                field = self._at(index)
            elif first & 0x40:  # literal, kept in the dynamic table
                field, place = self._literal(block, place, 0x3F)
                self._keep(field)
                touched = True
            elif first & 0x20:  # the dynamic table gets another size
                if fields:
                    raise _broken("a table size comes after a field")
                size, place = _integer(block, place, 0x1F)
                if size > self._announced:
                    raise _broken(f"a table of {size} octets where {self._announced} are allowed")
                self._max_size = size
                self._evict(0)
                touched = True
                continue
            else:  # literal, not kept
                field, place = self._literal(block, place, 0x0F)
            total += len(field[0]) + len(field[1]) + _ENTRY_OVERHEAD
            if total > self._list_size:
                too_large = True  # decode on, so that the table stays in step, but keep nothing
                fields = [field]
            else:
                fields.append(field)
        if too_large:
            if touched:
                self._memo.clear()
            raise StreamFailed(
                Error.ENHANCE_YOUR_CALM, f"headers of more than {self._list_size} octets"
            )
        return fields, touched

    def _at(self, index: int) -> Field:
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        try:
            if index > 0:
                return self._table[index - len(_STATIC) - 1]
        except IndexError:
            pass
        raise _broken(f"index {index} is not in the table")

    def _literal(self, block: bytes, place: int, mask: int) -> tuple[Field, int]:
        index, place = _integer(block, place, mask)
        if index:
            name = self._at(index)[0]
        else:
            name, place = _string(block, place)
        value, place = _string(block, place)
        return (name, value), place

    def _keep(self, field: Field) -> None:
        size = len(field[0]) + len(field[1]) + _ENTRY_OVERHEAD
        self._evict(size)
        if size <= self._max_size:
            self._table.appendleft(field)
            self._size += size

    def _evict(self, wanted: int) -> None:
        while self._table and self._size + wanted > self._max_size:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + _ENTRY_OVERHEAD


def _integer(block: bytes, place: int, mask: int) -> tuple[int, int]:
    value = block[place] & mask
    place += 1
    if value < mask:
        return value, place
    shift = 0
    while True:
        octet = block[place]
        place += 1
        value += (octet & 0x7F) << shift
        if value > _MAX_INTEGER or shift > 28:
            raise _broken("an integer is too large")
        if octet < 0x80:
            return value, place
        shift += 7


def _string(block: bytes, place: int) -> tuple[bytes, int]:
    huffman = block[place] & 0x80
    length, place = _integer(block, place, 0x7F)
    end = place + length
    if end > len(block):
        raise _broken("a string is longer than the block")
    data = block[place:end]
    if not huffman:
        return data, end
    return (_huffman_memo(data) if length <= _MEMO_STRING_BYTES else _huffman(data)), end


def _huffman(data: bytes) -> bytes:
    try:
        return decode_huffman(data)
    except HPACKDecodingError as error:
        raise _broken("a string is not Huffman code") from error


_huffman_memo = lru_cache(maxsize=1024)(_huffman)


def _broken(reason: str) -> ConnectionFailed:
    return ConnectionFailed(Error.COMPRESSION_ERROR, f"header block: {reason}")
