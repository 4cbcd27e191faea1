"""Corrections on their whole way: a form, SQLite, the unmodified device SDK, the hub, storage."""

import json
from pathlib import Path
from typing import Any

from edge.device.keys import module_connection_string
from edge.local_hub.testing import running_hub
from resources.telemetry import Telemetry
from tests.edge.local_hub.conftest import connect
from tests.edge.webapp.running import post, running_register, sign_in
from tests.inference_service.harness import Service, wait_until


def test_a_correction_comes_to_the_platform(tmp_path: Path, service: Service) -> None:
    with running_hub(tmp_path / "state") as hub:
        sdk = connect(hub)
        device = sdk.device("canary")
        sdk.registry.create_module_with_sas(device, "compliance_register", "", "", "")
        identity = module_connection_string(
            hub.host,
            hub.gateway,
            device,
            "compliance_register",
            sdk.key(device, "compliance_register"),
        )
        environment: dict[str, Any] = {
            "EdgeHubConnectionString": identity,
            "EdgeModuleCACertificateFile": str(hub.ca),
            "WEBAPP_UPLOAD_SECONDS": "0.2",
        }
        with running_register(tmp_path / "data", service.target, **environment) as register:
            cookie, token = sign_in(register.port)
            form = f"csrfmiddlewaretoken={token}"
            entered = f"{form}&number=&description=poor+iron"
            assert post(register.port, "/components/new", cookie, entered) == 302
            told = f"{form}&label=0&reason=coated&revision=1&shown=1"
            assert post(register.port, "/components/1/correct", cookie, told) == 302

            def routed() -> list[dict[str, object]]:
                files = [str(path) for path in hub.telemetry.rglob("*.json")]
                lines = Telemetry(str(hub.telemetry)).lines(files)
                return [json.loads(line) for _, line in lines]

            wait_until(lambda: len(routed()) > 0, 20)
            [message] = routed()
            assert register.stop() == 0, register.log
            assert "is sent, messages: 1" in register.log
            assert "SharedAccessKey" not in register.log
    assert message["Properties"] == {"kind": "corrections", "model": "compliance"}
    system = message["SystemProperties"]
    assert isinstance(system, dict)
    assert (system["connectionDeviceId"], system["connectionModuleId"]) == (
        device,
        "compliance_register",
    )
    body = message["Body"]
    assert isinstance(body, list)
    [document] = body
    assert (document["inputs"], document["label"]) == (
        {"description": "poor iron"},
        {"non_compliant": 0},
    )
