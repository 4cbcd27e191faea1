"""The bounds of the HTTP face."""

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True)
class HttpConfig:
    """Where it listens and how much of anything it takes.

    `origins` are the web origins whose pages may ask (`*`: any); none by default. `read_seconds`
    bounds a whole request from its first byte to its last, a handshake, and an answer;
    `idle_seconds` bounds the time between two requests. JSON takes up to twenty times its size once
    it is read, therefore bodies above `large_body_bytes` are read `large_bodies` at a time.
    """

    address: str
    origins: tuple[str, ...] = ()
    max_body_bytes: int = 4 * _MIB
    max_head_bytes: int = 32 << 10
    max_connections: int = 32
    read_seconds: float = 10.0
    idle_seconds: float = 30.0
    large_body_bytes: int = 64 << 10
    large_bodies: int = 4
