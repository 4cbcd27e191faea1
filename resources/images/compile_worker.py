"""Compiles Python sources; run by its path in an interpreter of its own, standard library only.

Input: JSON `[[source path, name in tracebacks], ...]`. Output: for each, 4 bytes of length (big
endian) and the `.pyc`; length 0 for a source that does not compile. A `.pyc` is of the kind
"unchecked hash" (PEP 552): valid whatever the time of its source.
"""

import importlib.util
import json
import marshal
import sys
import warnings
from pathlib import Path

_UNCHECKED_HASH = 1


def compiled(source: bytes, name: str) -> bytes:
    """The `.pyc` of `source`; empty when it does not compile (templates, other versions)."""
    try:
        code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return b""
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


def main() -> None:
    """Compiles what standard input names, in this order."""
    warnings.simplefilter("ignore")
    out = sys.stdout.buffer
    for path, name in json.load(sys.stdin):
        data = compiled(Path(path).read_bytes(), name)
        out.write(len(data).to_bytes(4, "big") + data)


if __name__ == "__main__":
    main()
