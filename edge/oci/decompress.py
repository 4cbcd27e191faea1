"""A layer's tar as a stream: decompressed, hashed and bounded while it is read."""

import hashlib
import io
import zlib
from collections.abc import Iterator
from typing import IO

from protos.errors import ConfigurationError, IntegrityError

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class LayerReader(io.RawIOBase):
    """Reads the uncompressed tar of a layer blob; `diff_id()` is the digest of all that was read.

    Raises IntegrityError when more than `max_bytes` come out (a decompression bomb) or the data
    is damaged, ConfigurationError for a compression that is not known here.
    """

    def __init__(self, blob: IO[bytes], max_bytes: int) -> None:
        self._blob = blob
        self._left = max_bytes
        self._sha = hashlib.sha256()
        self._buffer = b""
        magic = blob.read(4)
        blob.seek(0)
        if magic == _ZSTD:
            raise ConfigurationError(
                "a layer is compressed with zstd, which this Python cannot read",
                remedy="push the base image with gzip layers",
            )
        self._chunks = self._gunzip() if magic[:2] == _GZIP else self._plain()

    def readable(self) -> bool:
        """True: it is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes of the tar, fewer only at its end; everything when negative."""
        parts, have = [self._buffer], len(self._buffer)
        while size < 0 or have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._left -= len(chunk)
            if self._left < 0:
                raise IntegrityError("a layer is larger than allowed once it is decompressed")
            self._sha.update(chunk)
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._buffer = data[cut:]
        return data[:cut]

    def diff_id(self) -> str:
        """Reads what is left and returns the digest of the whole tar."""
        while self.read(_CHUNK):
            pass
        return "sha256:" + self._sha.hexdigest()

    def _plain(self) -> Iterator[bytes]:
        while chunk := self._blob.read(_CHUNK):
            yield chunk

    def _gunzip(self) -> Iterator[bytes]:
        data = b""
        try:
            while True:
                data = data or self._blob.read(_CHUNK)
                if not data:
                    return
                # one gzip member after the other: parallel writers make many (RFC 1952, 2.2)
                member = zlib.decompressobj(wbits=31)
                while not member.eof:
                    if not data and not member.unconsumed_tail:
                        data = self._blob.read(_CHUNK)
                        if not data:
                            raise IntegrityError("a layer is cut off")
                    chunk = member.decompress(member.unconsumed_tail + data, _CHUNK)
                    data = b""
                    if chunk:
                        yield chunk
                data = member.unused_data
        except zlib.error as error:
            raise IntegrityError("a layer is damaged", why=str(error)) from error
