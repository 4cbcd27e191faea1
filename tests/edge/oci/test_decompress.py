import gzip
import io

import pytest

from edge.oci.decompress import LayerReader
from protos.digests import digest_bytes
from protos.errors import ConfigurationError, IntegrityError

DATA = bytes(range(256)) * 4000


@pytest.mark.parametrize(
    "blob",
    [
        DATA,
        gzip.compress(DATA),
        gzip.compress(DATA[:7]) + gzip.compress(DATA[7:90_000]) + gzip.compress(DATA[90_000:]),
    ],
    ids=["plain", "gzip", "gzip members"],
)
def test_reads_and_hashes_the_tar(blob: bytes) -> None:
    reader = LayerReader(io.BytesIO(blob), len(DATA))
    parts = []
    while part := reader.read(10_007):
        parts.append(part)
    assert b"".join(parts) == DATA
    assert reader.diff_id() == digest_bytes(DATA)


def test_the_diff_id_counts_what_nobody_read() -> None:
    reader = LayerReader(io.BytesIO(gzip.compress(DATA)), len(DATA))
    assert reader.read(10) == DATA[:10]
    assert reader.diff_id() == digest_bytes(DATA)


def test_a_decompression_bomb_is_stopped() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(IntegrityError, match="larger than allowed"):
        LayerReader(io.BytesIO(bomb), 1 << 20).diff_id()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_data_is_refused(damage: str) -> None:
    blob = bytearray(gzip.compress(DATA))
    if damage == "cut":
        del blob[-20:]
    else:
        blob[len(blob) // 2] ^= 0xFF
    with pytest.raises(IntegrityError):
        LayerReader(io.BytesIO(bytes(blob)), len(DATA)).diff_id()


def test_zstd_is_named_not_guessed() -> None:
    with pytest.raises(ConfigurationError, match="zstd"):
        LayerReader(io.BytesIO(b"\x28\xb5\x2f\xfd" + bytes(20)), 100)
