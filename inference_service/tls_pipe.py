"""TLS without a socket: ciphertext in, plaintext out, and back; for a transport with its own IO."""

import contextlib
import ssl

from inference_service.tls_config import HTTP2

# What a peer may send without anything coming of it: no end of the handshake, no plaintext. The
# largest chain of certificates that OpenSSL takes is 100 KB; more than this is a flood.
MAX_IDLE_BYTES = 256 << 10

# A read gives one record at most. A larger buffer costs: with 256 KiB a read took 13 us, not 1.2.
_READ_BYTES = 16 << 10


class TlsFailed(Exception):
    """The connection is of no use any more. Write `last_words` (may be empty), then close it."""

    def __init__(self, reason: str, last_words: bytes = b"") -> None:
        super().__init__(reason)
        self.last_words = last_words


class TlsPipe:
    """The server's side of one TLS connection.

    After each `receive`, write what `outgoing` gives: answers of the handshake, and what TLS itself
    has to say. `send` may be called once `ready` is true. Everything that TLS holds in memory is
    handed out at once, so nothing grows here; how much waits for a slow reader is the transport's
    concern.
    """

    def __init__(self, context: ssl.SSLContext, protocol: str = HTTP2) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._protocol = protocol
        self._idle_bytes = 0
        self.ready = False
        """Whether the handshake is done."""
        self.ended = False
        """Whether the peer said that it sends no more (close_notify)."""

    def receive(self, data: bytes | bytearray | memoryview) -> bytes:
        """The plaintext that became readable with `data`, often empty. Raises TlsFailed."""
        self._in.write(data)
        self._idle_bytes += len(data)
        try:
            if not self.ready and not self._shake_hands():
                return b""
            plaintext = self._read()
        except ssl.SSLError as error:
            raise TlsFailed(error.reason or "TLS failed", self._out.read()) from None
        if plaintext:
            self._idle_bytes = 0
        elif self._idle_bytes > MAX_IDLE_BYTES:
            raise TlsFailed("much was sent and nothing said", self._out.read())
        return plaintext

    def outgoing(self) -> bytes:
        """The ciphertext that has to be written now, often empty."""
        return self._out.read() if self._out.pending else b""

    def send(self, plaintext: bytes | bytearray | memoryview) -> bytes:
        """The ciphertext of `plaintext`, with whatever was outgoing before it. Raises TlsFailed."""
        try:
            written = self._tls.write(plaintext)
            size = len(plaintext)
            if written < size:  # OpenSSL takes one record at a time, 16 KiB
                rest = memoryview(plaintext)
                while written < size:
                    written += self._tls.write(rest[written:])
        except ssl.SSLError as error:
            raise TlsFailed(error.reason or "TLS failed", self._out.read()) from None
        return self._out.read()

    def close(self) -> bytes:
        """The last ciphertext: close_notify, if the handshake came so far."""
        if self.ready:
            # It waits for the peer's own close_notify; ours is in the buffer.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        return self._out.read()

    def peer(self) -> dict[str, object] | None:
        """The verified certificate of the client, None where none is asked for."""
        return self._tls.getpeercert() or None  # type: ignore[return-value]

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            if self._idle_bytes > MAX_IDLE_BYTES:
                raise TlsFailed("the handshake has no end", self._out.read()) from None
            return False
        if self._tls.selected_alpn_protocol() != self._protocol:
            raise TlsFailed(f"the client does not speak {self._protocol}", self._goodbye())
        self.ready = True
        return True

    def _goodbye(self) -> bytes:
        self.ready = True
        return self.close()

    def _read(self) -> bytes:
        parts: list[bytes] = []
        # Asking only when there is something spares the exception that says there is nothing.
        while self._in.pending or self._tls.pending():
            try:
                part = self._tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:  # both have said their last word
                part = b""
            if not part:
                self.ended = True
                break
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
