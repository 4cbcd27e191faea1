import json
from typing import Any

import pytest

from tests.edge.device.bench import Bench, module


def test_a_new_device_says_that_it_has_no_deployment(bench: Bench) -> None:
    bench.agent.desire({"$version": 1})
    bench.settle()
    assert bench.status == (0, 417)


def test_a_deployment_runs_and_is_reported(bench: Bench) -> None:
    bench.deploy({"scorer": module()})
    assert bench.status == (1, 200)
    assert list(bench.runtime.running()) == ["line-1-scorer"]
    report = bench.module("scorer")
    assert report["runtimeStatus"] == "running"
    assert report["settings"]["imageHash"] == "sha256:" + "a" * 64


def test_a_module_gets_its_identity_ports_and_folders(bench: Bench) -> None:
    options = {
        "HostConfig": {
            "PortBindings": {"8081/tcp": [{"HostPort": "50051"}]},
            "Binds": ["/var/lib/edge-assets/m/captures:/captures"],
        }
    }
    scorer = module()
    scorer["settings"]["createOptions"] = json.dumps(options)
    asker = module("b", env={"INFERENCE_TARGET": {"value": "scorer:8081"}})
    bench.deploy({"scorer": scorer, "asker": asker})
    spec = bench.runtime.running()["line-1-scorer"].spec
    assert "ModuleId=scorer;SharedAccessKey=key-of-scorer" in spec.env["EdgeHubConnectionString"]
    assert spec.env["INFERENCE_ADDRESS"] == "127.0.0.1:50051"
    assert spec.ports == {8081: ("127.0.0.1", 50051)}
    folder = bench.root / "line-1/root/var/lib/edge-assets/m/captures"
    assert [(bind.source, bind.target) for bind in spec.binds] == [(folder, "/captures")]
    assert folder.is_dir()
    other = bench.runtime.running()["line-1-asker"].spec
    assert other.env["INFERENCE_TARGET"] == "127.0.0.1:50051"
    state = json.loads((bench.root / "line-1/state.json").read_text())
    assert state["scorer"]["endpoint"] == {"8081": "127.0.0.1:50051"}
    assert state["scorer"]["digest"] == "sha256:" + "a" * 64
    assert state["scorer"]["status"] == "running"


def test_only_the_module_that_changed_gets_a_new_process(bench: Bench) -> None:
    bench.deploy({"one": module("a"), "two": module("b")})
    before = bench.runtime.running()
    bench.deploy({"one": module("c"), "two": module("b")})
    after = bench.runtime.running()
    assert after["line-1-two"] is before["line-1-two"]
    assert after["line-1-one"] is not before["line-1-one"]
    assert before["line-1-one"].stopped
    models = [path.name for path in (bench.root / "line-1/modules/one/model").iterdir()]
    assert models == ["c" * 12]


def test_a_module_that_left_is_stopped(bench: Bench) -> None:
    bench.deploy({"one": module("a"), "two": module("b")})
    bench.deploy({"two": module("b")})
    assert list(bench.runtime.running()) == ["line-1-two"]
    assert list(bench.agent.document()["modules"]) == ["two"]
    assert bench.status == (2, 200)


def test_a_failed_pull_keeps_the_old_module_and_is_tried_again(bench: Bench) -> None:
    bench.deploy({"scorer": module("a")})
    new = module("b")
    bench.images.missing.add(new["settings"]["image"])
    bench.deploy({"scorer": new})
    assert bench.status == (2, 500)
    reason = bench.agent.document()["lastDesiredStatus"]["description"]
    assert "scorer" in reason
    assert "the registry does not answer" in reason
    assert bench.module("scorer")["settings"]["imageHash"] == "sha256:" + "a" * 64
    assert list(bench.runtime.running()) == ["line-1-scorer"]
    tried = len(bench.images.prepared)
    bench.now += 9
    bench.settle()
    assert len(bench.images.prepared) == tried
    bench.images.missing.clear()
    bench.now += 1
    bench.settle()
    assert bench.status == (2, 200)
    assert bench.module("scorer")["settings"]["imageHash"] == "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("change", "code"),
    [({"schemaVersion": "9.9"}, 412), ({"modules": {"scorer": {"settings": {}}}}, 400)],
)
def test_a_bad_manifest_touches_nothing_and_a_good_one_mends_it(
    bench: Bench, change: dict[str, Any], code: int
) -> None:
    good = {"scorer": module()}
    bench.deploy(good)
    before = bench.runtime.running()
    bench.deploy(good, change)
    assert bench.status == (1, code)
    assert bench.runtime.running() == before
    assert not before["line-1-scorer"].stopped
    bench.deploy(good)
    assert bench.status == (3, 200)
    assert bench.runtime.running() == before


def test_a_module_that_exits_comes_back_after_its_back_off(bench: Bench) -> None:
    bench.deploy({"scorer": module()})
    bench.runtime.started[-1].end(3)
    bench.settle()
    report = bench.module("scorer")
    assert (report["runtimeStatus"], report["exitCode"]) == ("backoff", 3)
    assert bench.status == (1, 200)
    bench.now += 10
    bench.settle()
    report = bench.module("scorer")
    assert (report["runtimeStatus"], report["restartCount"]) == ("running", 1)
    assert report["lastRestartTimeUtc"] == "1970-01-01T00:16:50.000Z"
    bench.now += 600
    bench.settle()
    assert bench.module("scorer")["restartCount"] == 0


def test_a_module_that_cannot_be_started_is_500_until_it_can(bench: Bench) -> None:
    bench.identities.down = True
    bench.deploy({"scorer": module()})
    assert bench.status == (1, 500)
    assert "cannot be started" in bench.module("scorer")["statusDescription"]
    bench.identities.down = False
    bench.now += 10
    bench.settle()
    assert bench.status == (1, 200)
    assert bench.module("scorer")["runtimeStatus"] == "running"


def test_a_fault_that_nobody_thought_of_holds_up_one_module_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(module_id: str) -> str:
        if module_id == "bad":
            raise RuntimeError("never seen before")
        return "key"

    monkeypatch.setattr(bench.identities, "module_key", key)
    bench.deploy({"bad": module("a"), "good": module("b")})
    assert bench.status == (1, 500)
    assert "never seen before" in bench.module("bad")["statusDescription"]
    assert bench.module("bad")["runtimeStatus"] == "backoff"
    assert list(bench.runtime.running()) == ["line-1-good"]


def test_a_pull_with_such_a_fault_has_failed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise RuntimeError("never seen before")

    monkeypatch.setattr(bench.images, "prepare", prepare)
    bench.deploy({"scorer": module()})
    assert bench.status == (1, 500)


def test_stopped_and_running_again(bench: Bench) -> None:
    bench.deploy({"scorer": module(status="stopped")})
    assert bench.runtime.started == []
    assert bench.status == (1, 200)
    bench.deploy({"scorer": module()})
    assert bench.module("scorer")["runtimeStatus"] == "running"
    bench.deploy({"scorer": module(status="stopped")})
    assert bench.module("scorer")["runtimeStatus"] == "stopped"
    assert bench.runtime.running() == {}


def test_a_module_with_another_policy_keeps_its_process(bench: Bench) -> None:
    bench.deploy({"scorer": module()})
    bench.deploy({"scorer": module(restartPolicy="never")})
    assert len(bench.runtime.started) == 1
    assert bench.module("scorer")["restartPolicy"] == "never"


def test_the_same_properties_again_change_nothing(bench: Bench) -> None:
    bench.deploy({"scorer": module()})
    shown = (bench.root / "line-1/state.json").stat().st_mtime_ns
    bench.version -= 1
    bench.deploy({"scorer": module()})
    assert len(bench.runtime.started) == 1
    assert (bench.root / "line-1/state.json").stat().st_mtime_ns == shown


def test_after_a_restart_a_device_goes_on_without_the_hub(bench: Bench) -> None:
    options = json.dumps({"HostConfig": {"PortBindings": {"8081": [{"HostPort": "50051"}]}}})
    scorer = module()
    scorer["settings"]["createOptions"] = options
    bench.deploy({"scorer": scorer})
    before = bench.runtime.running()["line-1-scorer"].spec
    bench.agent.stop()
    assert bench.runtime.running() == {}
    bench.boot()
    assert bench.status == (1, 406)
    bench.settle()
    assert bench.runtime.running()["line-1-scorer"].spec.ports == before.ports
    assert bench.status == (1, 200)


def test_a_deployment_taken_back_before_its_image_came_is_forgotten(bench: Bench) -> None:
    bench.deploy({"scorer": module("a")})
    new = module("b")
    bench.images.missing.add(new["settings"]["image"])
    bench.deploy({"scorer": new})
    bench.deploy({"scorer": module("a")})
    assert bench.status == (3, 200)
    assert len(bench.runtime.started) == 1
