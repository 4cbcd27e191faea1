"""The image of the web application: built, started, looked at."""

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from edge.oci import BlobStore, unpack
from edge.runtime import Bind, ProcessSpec, Runtime, available_runtimes
from resources.images import build_image
from resources.images.recipe import CONTRACT_FILE, contract_document, webapp_recipe
from tests.edge.runtime.waiting import until

DESCRIBED = {
    "name": "compliance",
    "version": "1",
    "digest": "sha256:" + "d" * 64,
    "inputs": [{"name": "description", "datatype": "BYTES", "shape": [-1, 1], "max_length": 300}],
    "outputs": [{"name": "non_compliant", "datatype": "INT64", "shape": [-1, 1]}],
}
MOST_BYTES = 25 << 20
"""Of the layers above the base, as a registry keeps them."""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    folder = tmp_path / "contract"
    folder.mkdir()
    (folder / CONTRACT_FILE).write_bytes(contract_document(DESCRIBED))
    return folder


def test_another_model_of_the_same_contract_is_the_same_image() -> None:
    newer = DESCRIBED | {"version": "2", "digest": "sha256:" + "e" * 64}
    assert contract_document(newer) == contract_document(DESCRIBED)
    other = DESCRIBED | {"inputs": []}
    assert contract_document(other) != contract_document(DESCRIBED)


def get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return answer.status, answer.read()


def answers(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("runtime", available_runtimes(), ids=lambda runtime: runtime.name)
def test_the_image_runs_with_nothing_but_what_is_in_it(
    runtime: Runtime,
    contract: Path,
    store: BlobStore,
    layers: Path,
    rootfs: Path,
    tmp_path: Path,
) -> None:
    built = build_image(webapp_recipe("compliance-register", contract), store, layers)
    above = [layer for layer in built.layers if layer.role != "base"]
    assert sum(layer.size for layer in above) < MOST_BYTES, [(x.role, x.size) for x in above]
    again = build_image(webapp_recipe("compliance-register", contract), store, layers)
    assert again.digest == built.digest

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data, log = tmp_path / "data", tmp_path / "log"
    data.mkdir()
    data.chmod(0o777)  # an engine runs it as another user
    image = unpack(store, built.digest, rootfs, tmp_path / "model")
    shared = runtime.shares_network
    process = runtime.start(
        ProcessSpec(
            image=image,
            name="register",
            env={
                "WEBAPP_ADDRESS": f"127.0.0.1:{port}" if shared else "0.0.0.0:8090",
                "WEBAPP_DATA": "/data",
                "INFERENCE_TARGET": "127.0.0.1:1",
            },
            log=log,
            ports={} if shared else {8090: ("127.0.0.1", port)},
            binds=[Bind(data, "/data")],
        )
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or answers(f"{url}/healthz"), 30, "the register")
        assert process.poll() is None, log.read_text()
        assert json.loads(get(f"{url}/healthz")[1])["database"] == "ok"
        assert b"<h1>Sign in</h1>" in get(f"{url}/sign-in")[1]
        assert get(f"{url}/static/register/register.css")[0] == 200
        assert get(f"{url}/static/admin/css/base.css")[0] == 200
        assert (data / "first-password").stat().st_mode & 0o077 == 0
        password = (data / "first-password").read_text().strip()
        assert password not in log.read_text()
    finally:
        code = process.stop(10)
    assert code == 0, log.read_text()
    assert "stopped" in log.read_text()
