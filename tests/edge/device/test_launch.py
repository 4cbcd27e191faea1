from pathlib import Path

from edge.device.create_options import CreateOptions
from edge.device.folder import DeviceFolder
from edge.device.launch import CA_IN_MODULE, HubAddress, process_spec
from edge.device.manifest import ModuleSpec
from edge.device.processes import MARKER
from edge.device.testing import FakeImages, FakeRuntime
from edge.runtime import ProcessSpec

IMAGE = "localhost:1/scorer@sha256:" + "a" * 64


def launched(root: Path, spec: ModuleSpec, ca: Path | None) -> ProcessSpec:
    folder = DeviceFolder(root / "line-1")
    image = FakeImages(root).prepare(IMAGE, root / "model", pull=True, credentials={})
    hub = HubAddress("hub:443", "127.0.0.2", ca)
    ports = {("scorer", 8081): 50051, ("web", 8080): 50052}
    return process_spec("line-1", spec, image, "a2V5", ports, folder, hub, FakeRuntime())


def test_the_ca_is_bound_to_where_the_module_is_told_to_look(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    spec = launched(tmp_path, ModuleSpec("scorer", IMAGE), ca)
    assert spec.env["EdgeModuleCACertificateFile"] == CA_IN_MODULE
    assert [(b.source, b.target, b.read_only) for b in spec.binds] == [(ca, CA_IN_MODULE, True)]


def test_without_a_ca_nothing_is_bound(tmp_path: Path) -> None:
    spec = launched(tmp_path, ModuleSpec("scorer", IMAGE), None)
    assert "EdgeModuleCACertificateFile" not in spec.env
    assert spec.binds == []


def test_a_module_gets_its_own_ports_its_command_and_the_mark_of_its_fleet(tmp_path: Path) -> None:
    options = CreateOptions(command=("edge.modules.captures",))
    spec = launched(tmp_path, ModuleSpec("scorer", IMAGE, options=options), None)
    assert spec.ports == {8081: ("127.0.0.1", 50051)}
    assert spec.command == ["edge.modules.captures"]
    assert spec.env[MARKER] == str(tmp_path)
    assert spec.log == tmp_path / "line-1/modules/scorer/log"


def test_the_images_own_command_is_left_to_the_image(tmp_path: Path) -> None:
    assert launched(tmp_path, ModuleSpec("scorer", IMAGE), None).command is None


def test_the_sdk_is_not_led_to_a_workload_api_that_is_not_there(tmp_path: Path) -> None:
    env = launched(tmp_path, ModuleSpec("scorer", IMAGE), None).env
    assert env["IOTEDGE_MODULEID"] == "scorer"
    assert "IOTEDGE_WORKLOADURI" not in env
