"""`.keras` archives: written so that equal models give equal bytes, looked into before loading.

Keras's own safe mode refuses Lambda layers. Past releases could be talked past it, by a
`config.json` that names functions of other modules or by weights that point to other files
(CVE-2025-1550, CVE-2025-8747, CVE-2025-12058). So only layers of Keras itself, and weights that are
in the archive, are let through to it.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from protos.errors import VerificationFailed

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_BYTES = 1 << 30
"""Of the unpacked archive."""

_MODULES = (
    "activations",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "src.models",
    "src.layers",
)
"""Of Keras, what a model is made of; `keras.utils` and others hold functions that touch files."""
_CODE = {"Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"}
"""Layers of Keras that run code, or read files, that came with the model."""
_TOP = {"Sequential", "Model", "DTypePolicy"}
_PREFIXES = tuple(f"keras.{module}." for module in _MODULES)


def pack(archive: bytes) -> bytes:
    """The archive again, without the time at which it was saved."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as made,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in sorted(made.namelist()):
            data = made.read(name)
            if name == METADATA:
                told = {key: value for key, value in json.loads(data).items() if "date" not in key}
                data = json.dumps(told, sort_keys=True).encode()
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def check(archive: bytes) -> None:
    """Raises VerificationFailed naming what in the archive is not to be trusted."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = [entry.filename for entry in opened.infolist()]
            if sorted(names) != [CONFIG, METADATA, WEIGHTS]:
                raise _refused(f"it holds {', '.join(names[:5])} where a model has three files")
            if sum(entry.file_size for entry in opened.infolist()) > MAX_BYTES:
                raise _refused(f"it unpacks to more than {MAX_BYTES} bytes")
            config, weights = json.loads(opened.read(CONFIG)), opened.read(WEIGHTS)
    except (zipfile.BadZipFile, ValueError, RecursionError, NotImplementedError) as error:
        raise _refused(f"it is no archive of Keras: {error}") from error
    strangers = sorted(set(_strangers(config)))
    if strangers:
        raise _refused(f"it holds {', '.join(strangers[:5])}, which is code, or none of Keras")
    _check_weights(weights)


def _strangers(config: Any) -> Iterator[str]:
    """The classes and functions that a configuration names and that are not plain Keras."""
    if isinstance(config, list):
        for value in config:
            yield from _strangers(value)
    if not isinstance(config, dict):
        return
    name, module = config.get("class_name"), config.get("module")
    if name is not None or module is not None:
        # `module` null with a class name: built in since Keras 2, or registered by somebody
        own = module is None or (module == "keras" and name in _TOP)
        own |= isinstance(module, str) and f"{module}.".startswith(_PREFIXES)
        if not own or config.get("registered_name") not in (None, name) or name in _CODE:
            yield f"{module}.{name}"
    for value in config.values():
        yield from _strangers(value)


def _check_weights(weights: bytes) -> None:
    import h5py

    def look(group: Any) -> Iterator[str]:
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield key
                continue
            value = group[key]
            if isinstance(value, h5py.Group):
                yield from look(value)
            elif not isinstance(value, h5py.Dataset) or value.is_virtual or value.external:
                yield key

    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            outside = list(look(file))
    except (OSError, RuntimeError, RecursionError) as error:
        raise _refused(f"its weights cannot be read: {error}") from error
    if outside:
        raise _refused(f"its weights {outside[0]} lie outside of the archive")


def _refused(why: str) -> VerificationFailed:
    return VerificationFailed(
        "the model is not loaded", why=why, remedy="train with layers of Keras only"
    )
