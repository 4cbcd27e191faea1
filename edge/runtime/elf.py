"""The two facts of an ELF file that starting it without an engine needs."""

import struct
from pathlib import Path

_PT_INTERP = 3
_MAX_HEADERS = 128
_MAX_PATH = 4096


def interpreter(path: Path) -> str | None:
    """The program interpreter (dynamic loader) that a 64-bit ELF executable asks for.

    None for a static executable and for what is no 64-bit little-endian ELF (System V ABI,
    "Object Files": file header, program header `PT_INTERP`).
    """
    with path.open("rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return None
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        for number in range(min(count, _MAX_HEADERS)):
            file.seek(offset + number * size)
            entry = file.read(56)
            if len(entry) == 56 and struct.unpack_from("<I", entry)[0] == _PT_INTERP:
                file.seek(struct.unpack_from("<Q", entry, 8)[0])
                length = min(struct.unpack_from("<Q", entry, 32)[0], _MAX_PATH)
                return file.read(length).rstrip(b"\0").decode()
    return None


# exit(42) as machine code, by `e_machine` of the ELF header.
_EXIT_42 = {
    "amd64": (62, bytes.fromhex("bf2a000000b83c0000000f05")),  # mov edi; mov eax,60; syscall
    "arm64": (183, struct.pack("<3I", 0xD2800540, 0xD2800BA8, 0xD4000001)),  # x0; x8=93; svc 0
}


def exits_with_42(architecture: str) -> bytes | None:
    """A static Linux executable of some 130 bytes that ends with code 42; None if not known.

    Something to really run, that needs no library, no interpreter and no download.
    """
    if architecture not in _EXIT_42:
        return None
    machine, code = _EXIT_42[architecture]
    base, start = 0x400000, 64 + 56
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, base + start, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )
    size = start + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    return header + segment + code
