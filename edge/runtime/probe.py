"""Finds out whether a rung works on this machine, by running something on it.

`which docker` succeeds without an engine, `podman info` answers where a run fails, and a kernel
may refuse user namespaces: only a run proves a rung.
"""

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from edge.oci import BlobStore, ImageConfig, UnpackedImage, unpack
from edge.oci.descriptors import CONFIG, INDEX, LAYER_TAR, MANIFEST, host_architecture
from edge.oci.layer import Entry, write_tar
from edge.runtime.elf import exits_with_42
from edge.runtime.spec import ProcessSpec, Runtime
from protos.errors import EdgeAssetsError

_log = logging.getLogger(__name__)
_RUN_SECONDS = 20.0
_CODE = 42


def works(runtime: Runtime) -> bool:
    """Whether `runtime` really runs a process and tells its exit code."""
    with tempfile.TemporaryDirectory(prefix="edge-probe-", ignore_cleanup_errors=True) as folder:
        try:
            image = _image(runtime, Path(folder))
            return image is not None and _runs(runtime, image, Path(folder))
        except EdgeAssetsError as error:
            _log.info("rung %s (%s) is not available: %s", runtime.rung, runtime.name, error)
            return False


def _runs(runtime: Runtime, image: UnpackedImage, folder: Path) -> bool:
    log = folder / "log"
    process = runtime.start(ProcessSpec(image, "probe", {}, log))
    deadline = time.monotonic() + _RUN_SECONDS
    while (code := process.poll()) is None:
        if time.monotonic() > deadline:
            process.stop(0)
            break
        time.sleep(0.005)
    if code != _CODE:
        said = log.read_text(errors="replace").strip()[-500:]
        _log.info("rung %s (%s) does not work: %s, %s", runtime.rung, runtime.name, code, said)
    return code == _CODE


def _image(runtime: Runtime, folder: Path) -> UnpackedImage | None:
    """Something to run: a tiny image, or this Python where the rung has no own file system."""
    store = BlobStore(folder / "store")
    if runtime.rung in ("loader", "host python"):
        code = f"raise SystemExit({_CODE})"
        python = "python" if runtime.rung == "host python" else _base_python()
        config = ImageConfig({}, [python, "-c", code])
        return UnpackedImage("sha256:" + "0" * 64, Path("/"), None, config, None, store)
    program = exits_with_42(host_architecture())
    if program is None or sys.platform != "linux":
        return None
    return unpack(store, probe_image(store, program), folder / "cache", folder / "model")


def probe_image(store: BlobStore, program: bytes) -> str:
    """An image with one file, `program`, in `store`; returns its digest."""
    names = ("dev", "etc", "proc", "sys", "tmp")
    tar = store.root / "probe.tar"
    with tar.open("wb") as file:
        write_tar([Entry("probe", program, 0o755), *(Entry(n, mode=0o755) for n in names)], file)
    layer = store.add_bytes(tar.read_bytes(), LAYER_TAR)
    platform = {"architecture": host_architecture(), "os": "linux"}
    config = store.add_json(
        {
            **platform,
            "config": {"Entrypoint": ["/probe"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        },
        CONFIG,
    )
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.to_json()}
    manifest = store.add_json({**document, "layers": [layer.to_json()]}, MANIFEST)
    entry = {**manifest.to_json(), "platform": platform}
    return store.add_json(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}, INDEX
    ).digest


def _base_python() -> str:
    """The interpreter itself, not a virtual environment's link to it."""
    return os.path.realpath(sys.executable)
