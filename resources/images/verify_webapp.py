"""Proves the image of a web application by running it until it says that it is well."""

import time
import urllib.request
from http import HTTPStatus
from pathlib import Path

from edge.oci import BlobStore, unpack
from edge.runtime import Bind, Process, ProcessSpec, Runtime
from protos.digests import short
from protos.errors import VerificationFailed
from resources.images.verify import free_port, log_tail

HEALTH = "/healthz"
_LOOK_SECONDS = 0.1
_STOP_SECONDS = 10.0


def verify_webapp(
    store: BlobStore,
    digest: str,
    runtime: Runtime,
    work_dir: Path,
    port: int,
    deadline_seconds: float = 60.0,
    *,
    cache: Path | None = None,
) -> float:
    """Starts image `digest`, which listens at `port`; the milliseconds until `/healthz` says 200.

    It is given an empty folder for its data and no model to ask: it must say so and live. Raises
    VerificationFailed when it ends, or is not well within `deadline_seconds`.
    """
    image = unpack(store, digest, cache or work_dir / "rootfs", work_dir / "model")
    log, data, mine = work_dir / "log", work_dir / "data", free_port()
    data.mkdir(parents=True)
    data.chmod(0o777)  # an engine runs it as another user
    shared = runtime.shares_network
    started = time.monotonic()
    process = runtime.start(
        ProcessSpec(
            image,
            "verify",
            {
                "WEBAPP_ADDRESS": f"127.0.0.1:{mine}" if shared else f"0.0.0.0:{port}",
                "WEBAPP_DATA": "/data",
                "INFERENCE_TARGET": "127.0.0.1:1",
            },
            log,
            ports={} if shared else {port: ("127.0.0.1", mine)},
            binds=[Bind(data, "/data")],
        )
    )
    try:
        why = _until_well(process, f"http://127.0.0.1:{mine}{HEALTH}", started + deadline_seconds)
    finally:
        process.stop(_STOP_SECONDS)
    if why:
        raise VerificationFailed(
            f"image {short(digest)} did not prove itself on rung {runtime.rung}",
            why=f"{why}; its log ends: {log_tail(log)}",
            remedy="mend the application and build the image again",
        )
    return (time.monotonic() - started) * 1000


def _until_well(process: Process, url: str, deadline: float) -> str:
    """Why it is not well; empty once it is."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    last = "nothing listened"
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            return f"it ended with code {code}"
        try:
            with opener.open(url, timeout=2.0) as answer:
                if answer.status == HTTPStatus.OK:
                    return ""
                last = f"{HEALTH} said {answer.status}"
        except OSError as error:
            last = f"{HEALTH}: {error}"
        time.sleep(_LOOK_SECONDS)
    return f"it was not well in time: {last}"
