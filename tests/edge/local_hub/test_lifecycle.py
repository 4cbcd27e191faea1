"""Start, stop, start again: the process and what it leaves behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from edge.local_hub.sas import make_token
from edge.local_hub.testing import running_hub
from protos.errors import ConfigurationError
from tests.edge.local_hub.conftest import BASE, connect, layer

KEY = "a2V5a2V5a2V5a2V5a2V5a2V5"


def test_a_hub_starts_fast_and_leaves_nothing_behind(state: Path) -> None:
    start = time.monotonic()
    with running_hub(state) as hub:
        assert time.monotonic() - start < 1.5
        info = json.loads((state / "hub" / "hub.json").read_text())
        assert info == {
            "pid": os.getpid(),
            "host": hub.host,
            "gateway": hub.gateway,
            "ca": str(hub.ca),
            "registry": hub.registry,
            "telemetry": str(hub.telemetry),
        }
    assert not (state / "hub" / "hub.json").exists()


def test_everything_is_there_again_after_a_restart(state: Path) -> None:
    with running_hub(state, owner_key=KEY) as hub:
        service = connect(hub)
        device = service.device(ring="canary")
        service.deploy("base", BASE, "*", 0)
        service.deploy("r1", layer(taxi="v1"), "tags.ring = 'canary'", 1)
        key, desired = service.key(device, "taxi"), service.desired(device)
        ca = hub.ca.read_bytes()
    with running_hub(state, owner_key=KEY) as hub:
        service = connect(hub)
        assert hub.ca.read_bytes() == ca
        assert service.key(device, "taxi") == key
        assert service.desired(device) == desired
        assert service.statuses(device) == {"base": "Applied", "r1": "Applied"}
        assert service.registry.get_twin(device).connection_state == "Disconnected"


def test_two_hubs_beside_each_other_and_never_on_one_state(tmp_path: Path) -> None:
    with running_hub(tmp_path / "one") as one:
        with running_hub(tmp_path / "two") as two:
            assert (one.host, one.gateway) != (two.host, two.gateway)
            assert one.gateway != two.gateway
        with (
            pytest.raises(ConfigurationError, match="another hub is probably running"),
            running_hub(tmp_path / "one"),
        ):
            pass


def hub_process(state: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge.local_hub", "--state", str(state), "--port", _free_port()],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_process_announces_itself_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    process = hub_process(tmp_path, EDGE_HUB_KEY=KEY, EDGE_REGISTRY_PASSWORD="hidden-password")
    try:
        info = _wait_for(tmp_path / "hub.json", process)
        token = make_token(info["host"], KEY, int(time.time()) + 60, "iothubowner")
        session = requests.Session()
        session.trust_env = False
        answer = session.get(
            f"https://{info['host']}/devices",
            headers={"Authorization": token},
            verify=info["ca"],
            timeout=5,
        )
        assert (answer.status_code, answer.json()) == (200, [])
        assert info["pid"] == process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert out.startswith(f"ready: https://{info['host']}, MQTT 127.0.0.")
    assert KEY not in out + err
    assert "hidden-password" not in out + err
    assert not (tmp_path / "hub.json").exists()


def _wait_for(path: Path, process: "subprocess.Popen[str]") -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert process.poll() is None, "the hub ended"
        assert time.monotonic() < deadline, "the hub did not start"
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_without_secrets_the_process_says_what_to_do(tmp_path: Path) -> None:
    process = hub_process(tmp_path, EDGE_HUB_KEY="", EDGE_REGISTRY_PASSWORD="")
    _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "EDGE_HUB_KEY is not set. To mend it: start the hub with `edgectl up`" in err
