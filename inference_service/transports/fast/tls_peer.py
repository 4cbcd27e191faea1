"""A peer behind TLS. Apart from `peer`, so that `ssl` is imported only where TLS is spoken."""

import socket
import ssl

from inference_service.tls_pipe import TlsFailed, TlsPipe
from inference_service.transports.fast.connection import Connection
from inference_service.transports.fast.peer import Peer


class TlsPeer(Peer):
    """Moves octets between a socket and a connection, through TLS."""

    def __init__(
        self, sock: socket.socket, connection: Connection, context: ssl.SSLContext
    ) -> None:
        super().__init__(sock, connection)
        self._tls = TlsPipe(context)

    def _received(self, data: bytes) -> bool:
        try:
            plaintext = self._tls.receive(data)
        except TlsFailed as failure:
            self._flush(failure.last_words)
            return False
        if plaintext:
            self.connection.receive(plaintext)
        return not self._tls.ended

    def send(self) -> bool:
        """Writes what was collected, as far as the peer takes it; False if the peer is gone."""
        if not self._tls.ready:
            return self._flush(self._tls.outgoing())
        out = self.connection.sender.out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        try:
            return self._flush(self._tls.send(data) if data else self._tls.outgoing())
        except TlsFailed:
            return False

    def close(self) -> None:
        """Closes the socket, after the last words that TLS wants said."""
        self._flush(self._tls.close())
        super().close()
