"""The envelope of a request: all of its bytes but the id and the raw values.

A client that sends the same shapes again sends the same envelope again. It is parsed and checked
once; whoever knows it can go from the bytes of the values to an array without protobuf. The bytes
stand in the order of the field numbers, as every encoder of protobuf writes them; a request that is
in another order, or has no raw values, simply has no envelope.
"""

from dataclasses import dataclass

from inference_service.methods import Message

_LENGTH_DELIMITED = 2
_NAME, _VERSION, _ID, _RAW = 1, 2, 3, 7
ID_TAG = _ID << 3 | _LENGTH_DELIMITED
RAW_INPUT_TAG = _RAW << 3 | _LENGTH_DELIMITED


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where things stand in a request.

    `head` holds name and version. `tail` is what follows the id, up to the first raw value;
    `between` is what stands before each further one. `sizes` are those of the raw values.
    """

    head: bytes
    id: bytes
    tail: bytes
    sizes: tuple[int, ...]
    between: tuple[bytes, ...]

    @property
    def rest(self) -> int:
        """How many bytes follow the id: the key under which to look for an envelope."""
        return len(self.tail) + sum(self.sizes) + sum(len(part) for part in self.between)


def split(message: Message) -> Envelope | None:
    """The envelope of a whole ModelInferRequest; None where it has none."""
    try:
        return _split(message)
    except IndexError:  # cut short: protobuf will say so
        return None


def _split(message: Message) -> Envelope | None:
    place, end, last = 0, len(message), 0
    head_end = id_end = 0
    identity = b""
    spans: list[tuple[int, int, int]] = []
    while place < end:
        begin = place
        tag, place = _varint(message, place)
        number = tag >> 3
        if tag & 7 != _LENGTH_DELIMITED or number > _RAW or number < last:
            return None
        if number == last and number <= _ID:  # what comes twice counts once, the last: rare
            return None
        size, place = _varint(message, place)
        start, place = place, place + size
        if place > end:
            return None
        if number <= _VERSION:
            head_end = id_end = place
        elif number == _ID:
            identity, id_end = bytes(message[start:place]), place
        elif number == _RAW:
            spans.append((begin, start, place))
        last = number
    if not spans:
        return None
    return Envelope(
        head=bytes(message[:head_end]),
        id=identity,
        tail=bytes(message[id_end : spans[0][1]]),
        sizes=tuple(stop - start for _, start, stop in spans),
        between=tuple(bytes(message[begin:start]) for begin, start, _ in spans[1:]),
    )


def _varint(message: Message, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = message[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise IndexError


def varint(value: int) -> bytes:
    """`value` as protobuf writes it."""
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def read_start(message: Message) -> tuple[bytes, bytes | None, int]:
    """Head, id (None: none there) and where the rest begins, of a request with short ones.

    Raises IndexError if the message is too short for that; what it gives is checked by comparing
    with an envelope.
    """
    place = 0
    if message[0] == 0x0A:
        place = 2 + message[1]
    if message[place] == 0x12:
        place += 2 + message[place + 1]
    head = bytes(message[:place])
    if message[place] != ID_TAG:
        return head, None, place
    size = message[place + 1]
    if size >= 0x80:
        return head, None, place  # no envelope fits from here
    end = place + 2 + size
    return head, bytes(message[place + 2 : end]), end
