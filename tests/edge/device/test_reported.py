from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.device.manifest import parse_desired
from edge.device.plan import DeploymentStatus
from edge.device.reported import (
    NEVER,
    DeviceFacts,
    merge_patch,
    reported_document,
    shut_down,
    utc_text,
)
from edge.device.restart import ModuleRecord, RuntimeStatus

FACTS = DeviceFacts("0.1.0", "x86_64", "linux", "sandbox: namespaces", 0.0)
DIGEST = "sha256:" + "a" * 64
DESIRED: dict[str, Any] = {
    "schemaVersion": "1.1",
    "$version": 4,
    "runtime": {
        "type": "docker",
        "settings": {
            "minDockerVersion": "v1.25",
            "registryCredentials": {"r": {"address": "x", "password": "geheim"}},
        },
    },
    "systemModules": {"edgeHub": {"settings": {"image": "mcr/hub:1.6", "createOptions": "{}"}}},
    "modules": {
        "scorer": {
            "version": "1.0",
            "env": {"K": {"value": "v"}},
            "settings": {"image": f"r/scorer@{DIGEST}", "createOptions": "{}"},
        }
    },
}


def document() -> dict[str, Any]:
    desired = parse_desired(DESIRED)
    record = ModuleRecord(
        desired.modules["scorer"],
        digest=DIGEST,
        status=RuntimeStatus.RUNNING,
        restart_count=2,
        last_start=1700000000.25,
        last_exit=1600000000.0,
        exit_code=137,
    )
    return reported_document(desired, 4, DeploymentStatus(200), {"scorer": record}, FACTS)


def test_a_module_is_reported_in_the_shape_of_the_agent() -> None:
    module = document()["modules"]["scorer"]
    assert module == {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "imagePullPolicy": "on-create",
        "startupOrder": 2**32 - 1,
        "version": "1.0",
        "exitCode": 137,
        "statusDescription": "",
        "runtimeStatus": "running",
        "restartCount": 2,
        "lastStartTimeUtc": "2023-11-14T22:13:20.250Z",
        "lastExitTimeUtc": "2020-09-13T12:26:40.000Z",
        "lastRestartTimeUtc": NEVER,
        "settings": {"image": f"r/scorer@{DIGEST}", "createOptions": "{}", "imageHash": DIGEST},
        "env": {"K": {"value": "v"}},
    }


def test_the_frame_of_the_report() -> None:
    report = document()
    assert report["schemaVersion"] == "1.1"
    assert report["lastDesiredVersion"] == 4
    assert report["lastDesiredStatus"] == {"code": 200, "description": ""}
    assert report["runtime"]["platform"]["architecture"] == "x86_64"
    assert report["systemModules"]["edgeAgent"]["runtimeStatus"] == "running"


def test_the_edge_hub_is_said_not_to_be_simulated() -> None:
    hub = document()["systemModules"]["edgeHub"]
    assert hub["runtimeStatus"] == "unknown"
    assert "not simulated" in hub["statusDescription"]
    assert hub["settings"]["image"] == "mcr/hub:1.6"


def test_passwords_of_registries_are_not_reported() -> None:
    assert "geheim" not in str(document())


def test_a_device_without_a_deployment_reports_too() -> None:
    report = reported_document(None, 0, DeploymentStatus(417, "none"), {}, FACTS)
    assert report["lastDesiredStatus"]["code"] == 417
    assert report["modules"] == {}


def test_a_device_that_goes_says_so() -> None:
    report = shut_down(document())
    assert report["lastDesiredStatus"]["code"] == 406
    assert report["modules"]["scorer"]["runtimeStatus"] == "unknown"


def test_a_time_that_has_not_come() -> None:
    assert utc_text(None) == NEVER


def apply(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396, written down again from its text."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = apply(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


TREES = st.recursive(
    st.integers(0, 2) | st.text("ab", max_size=1),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), TREES)


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_turns_the_old_document_into_the_new(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert apply(old, merge_patch(old, new)) == new


@given(DOCUMENTS)
def test_nothing_new_is_nothing_to_report(document: dict[str, Any]) -> None:
    assert merge_patch(document, document) == {}


def test_the_hubs_own_keys_are_left_alone() -> None:
    assert merge_patch({"$version": 3, "$metadata": {}}, {"a": 1}) == {"a": 1}
