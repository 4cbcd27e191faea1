import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from edge_assets.core.folders import SHIPPED
from edgectl import checks
from edgectl.checks import Finding
from edgectl.doctor import _guarded, as_text, ui_port
from edgectl.leftovers import note
from resources.settings import load_settings

from .conftest import Home, Runner


def test_everything_that_is_not_ok_has_cause_and_remedy(home: Home, edgectl: Runner) -> None:
    done = edgectl("doctor", "--json")
    states = {finding["check"]: finding["state"] for finding in done.json}
    assert states["python"] == "ok"
    assert states["settings"] == "ok"
    assert states["registry"] == "ok"
    for finding in done.json:
        assert finding["state"] == "ok" or (finding["cause"] and finding["remedy"]), finding


def test_broken_settings_end_in_one(
    edgectl: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDGE_HUB_CA", str(tmp_path / "none.pem"))
    done = edgectl("doctor")
    assert done.code == 1
    assert "PROBLEM  settings" in done.out
    assert "EDGE_HUB_CA" in done.out


def test_a_broken_model_is_a_problem_with_reason_and_remedy(
    edgectl: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("wine", "name: wine\n"), ("beer", "")):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.yaml").write_text(text)
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "models"))
    done = edgectl("doctor", "--json")
    assert done.code == 1
    fine, *broken = (found for found in done.json if found["check"] == "models")
    assert fine["state"] == "ok"
    assert "nyc_taxi" in fine["found"]
    assert [(found["state"], found["found"]) for found in broken] == [
        ("problem", "beer is broken"),
        ("problem", "wine is broken"),
    ]
    assert "wine/model.yaml does not fit its schema" in broken[1]["cause"]
    assert all(found["remedy"] for found in broken)


def test_code_that_cannot_be_imported_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "taxi"
    shutil.copytree(SHIPPED / "london_taxi", folder)
    yaml = folder / "model.yaml"
    yaml.write_text(yaml.read_text().replace("name: london_taxi", "name: taxi"))
    (folder / "train.py").write_text("import no_such_thing_at_all\n")
    monkeypatch.setenv("EDGE_MODELS", str(folder))
    (found,) = (found for found in checks.models() if found.state == "problem")
    assert found.found == "taxi is broken"
    assert "no_such_thing_at_all" in found.cause


def test_models_that_are_nowhere_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "nowhere"))
    (found,) = checks.models()
    assert (found.state, found.remedy) == ("problem", "correct the path")
    assert "nowhere" in found.cause


def test_silent_devices_are_a_warning(home: Home) -> None:
    finding = checks.hub(load_settings({"EDGE_HOME": str(home.folder)}))
    assert finding.state == "warning"
    assert "line-1" in finding.cause


def test_a_hub_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    finding = checks.hub(load_settings({"EDGE_HOME": str(tmp_path)}))
    assert finding.state == "problem"
    assert "edgectl up" in finding.remedy


def test_a_registry_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    env = {"EDGE_HOME": str(tmp_path), "EDGE_REGISTRY": "localhost:1"}
    finding = checks.registry(load_settings(env))
    assert finding.state == "problem"
    assert "EDGE_REGISTRY" in finding.remedy


def test_an_untrusted_registry_is_a_problem(home: Home) -> None:
    settings = load_settings({"EDGE_HOME": str(home.folder)})
    assert checks.registry(settings).state == "ok"
    untrusted = checks.registry(settings.model_copy(update={"registry_ca": None}))
    assert untrusted.state == "problem"
    assert "certificate" in untrusted.cause.lower()


@pytest.mark.parametrize(("free", "state"), [(2 << 30, "warning"), (4 << 30, "ok")])
def test_disk(tmp_path: Path, free: int, state: str) -> None:
    assert checks.disk(tmp_path / "not" / "there", lambda _: free).state == state


def test_the_python_of_this_test_is_fine_and_an_old_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.python_version().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 1, "final", 0))
    assert checks.python_version().state == "problem"


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.packages().state == "ok"
    monkeypatch.setattr(checks, "_PACKAGES", ("no-such-package",))
    assert "no-such-package" in checks.packages().cause


def test_the_mqtt_port_is_looked_for_on_every_loopback_address() -> None:
    finding = checks.mqtt_port(lambda host: host != "127.0.0.9")
    assert (finding.state, finding.found) == ("ok", "127.0.0.9:8883 is free")
    assert checks.mqtt_port(lambda _: True).state == "problem"


def test_processes_that_ended_are_a_problem(tmp_path: Path) -> None:
    notes = tmp_path / "children.json"
    assert checks.supervisor(tmp_path).state == "warning"
    note(notes, {"hub": os.getpid()})
    assert checks.supervisor(tmp_path).state == "ok"
    notes.write_text(json.dumps({"hub": {"pid": os.getpid(), "started": "1"}}))
    assert checks.supervisor(tmp_path).state == "problem"


CHAT = {"EDGE_ALERT_WEBHOOK": "https://chat.example.org/T0K3N"}


@pytest.mark.parametrize(
    ("env", "state", "told"),
    [
        ({}, "ok", "off"),
        ({"EDGE_ENVIRONMENT": "prod"}, "warning", "off"),
        ({**CHAT, "EDGE_ENVIRONMENT": "prod"}, "ok", "webhook; try: edgectl alerts test"),
        ({"EDGE_ALERT_TO": "ada@example.org"}, "problem", "no alert can be sent by e-mail"),
    ],
)
def test_whether_people_are_told(
    tmp_path: Path, env: dict[str, str], state: str, told: str
) -> None:
    finding = checks.alerts(load_settings({"EDGE_HOME": str(tmp_path), **env}))
    assert finding.state == state
    assert finding.found.startswith(told)
    assert state == "ok" or (finding.cause and finding.remedy)
    assert "T0K3N" not in str(finding)


def test_no_ui_is_a_warning(tmp_path: Path) -> None:
    assert checks.dagster(1).state == "warning"
    assert ui_port(tmp_path) == 3000
    (tmp_path / "ui.port").write_text("3007")
    assert ui_port(tmp_path) == 3007


def test_a_check_that_breaks_is_a_problem_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise ZeroDivisionError("oops")

    monkeypatch.delenv("EDGE_DEBUG", raising=False)
    finding = _guarded(broken)
    assert (finding.state, finding.cause) == ("problem", "ZeroDivisionError: oops")


def test_the_text_shows_cause_and_remedy_below() -> None:
    text = as_text([Finding("a", "ok", "fine"), Finding("b", "problem", "bad", "since", "do")])
    assert text.splitlines() == [
        "ok       a             fine",
        "PROBLEM  b             bad",
        "         cause:  since",
        "         remedy: do",
    ]
