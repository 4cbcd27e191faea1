"""The command lines of the rungs, on any machine."""

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from edge.oci import BlobStore, ImageConfig, UnpackedImage
from edge.runtime import Bind, ProcessSpec
from edge.runtime.engine import Engine, Variant
from edge.runtime.engine_child import container_name
from edge.runtime.host_python import module_arguments
from edge.runtime.loader import find_program, loader_command
from edge.runtime.mounts import make_mount_points, on_host
from edge.runtime.sandbox import bwrap_command, unshare_command
from protos.errors import ConfigurationError

ROOT = Path("/cache/root fs")
MOUNTS = [Bind(Path("/device/model"), "/model", True), Bind(Path("/device/captures"), "/captures")]


def pairs(argv: list[str], flag: str, values: int) -> list[list[str]]:
    return [argv[n + 1 : n + 1 + values] for n, word in enumerate(argv) if word == flag]


def test_bwrap_isolates_and_binds() -> None:
    argv = bwrap_command(ROOT, MOUNTS, ["python", "-m", "x"])
    assert argv[argv.index("--") + 1 :] == ["python", "-m", "x"]
    assert {"--unshare-user", "--unshare-pid", "--die-with-parent"} <= set(argv)
    assert pairs(argv, "--cap-drop", 1) == [["ALL"]]
    assert pairs(argv, "--uid", 1) == [["65532"]]
    assert pairs(argv, "--ro-bind", 2) == [["/cache/root fs", "/"], ["/device/model", "/model"]]
    assert pairs(argv, "--bind", 2) == [["/device/captures", "/captures"]]
    assert argv.index("/captures") > argv.index("/")


def test_unshare_isolates_and_binds() -> None:
    argv = unshare_command(ROOT, MOUNTS, ["python", "-c", "print('a b')"])
    script = argv[-1]
    assert {"--user", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"} <= set(argv)
    assert "--bind /device/model '/cache/root fs/model'" in script
    assert "remount,bind,ro,nosuid,nodev '/cache/root fs/model'" in script
    assert "'/cache/root fs/captures'" in script
    assert "remount,bind,ro,nosuid,nodev '/cache/root fs/captures'" not in script
    last = script.splitlines()[-1]
    assert "--map-user=65532" in last
    assert "'--root=/cache/root fs'" in last
    assert last.endswith("""-- python -c 'print('"'"'a b'"'"')'""")


@pytest.fixture
def spec(tmp_path: Path) -> ProcessSpec:
    config = ImageConfig({"PATH": "/usr/local/bin"}, ["python", "-m"], ["service"])
    store = BlobStore(tmp_path / "store")
    digest, model = "sha256:" + "1" * 64, Path("/device/model")
    image = UnpackedImage(digest, ROOT, model, config, "/model", store)
    env = {"EdgeHubConnectionString": "very-secret", "PATH": "/opt", "A": "1"}
    return ProcessSpec(image, "line-1-nyc", env, tmp_path / "log", binds=[MOUNTS[1]])


def test_an_engine_isolates_and_binds(spec: ProcessSpec) -> None:
    engine = Engine("podman", Variant(("--runtime", "runc"), ("--ulimit", "nofile=1:1")))
    argv, _ = engine.command(spec, spec.mounts(), "image:tag", "name")
    assert argv[1:4] == ["--runtime", "runc", "run"]
    assert {"--rm", "--read-only", "--ulimit"} <= set(argv)
    assert pairs(argv, "--cap-drop", 1) == [["all"]]
    assert pairs(argv, "--security-opt", 1) == [["no-new-privileges"]]
    assert pairs(argv, "--user", 1) == [["65532:65532"]]
    assert pairs(argv, "--pull", 1) == [["never"]]
    assert pairs(argv, "--volume", 1) == [
        ["/device/model:/model:ro"],
        ["/device/captures:/captures"],
    ]
    assert argv[-5:] == ["--entrypoint", "python", "image:tag", "-m", "service"]


def test_a_command_replaces_the_image_s(spec: ProcessSpec) -> None:
    other = replace(spec, command=["edge.modules.captures"])
    argv, _ = Engine("docker", Variant()).command(other, [], "image:tag", "name")
    assert argv[-4:] == ["python", "image:tag", "-m", "edge.modules.captures"]


def test_no_secret_is_on_a_command_line(spec: ProcessSpec) -> None:
    argv, env = Engine("docker", Variant()).command(spec, [], "image:tag", "name")
    assert "very-secret" not in " ".join(argv)
    assert env["EdgeHubConnectionString"] == "very-secret"
    assert ["EdgeHubConnectionString"] in pairs(argv, "--env", 1)


def test_the_engine_keeps_its_own_path(spec: ProcessSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    argv, env = Engine("docker", Variant()).command(spec, [], "image:tag", "name")
    assert env["PATH"] == "/usr/bin"
    assert ["PATH=/opt"] in pairs(argv, "--env", 1)


def test_a_container_s_name_has_no_odd_letters() -> None:
    assert container_name(2, "line 1/nyc:taxi") == f"edge-assets.{os.getpid()}.2.line-1-nyc-taxi"


def test_the_loader_is_the_file_in_the_image(tmp_path: Path) -> None:
    program = tmp_path / "usr/bin/tool"
    program.parent.mkdir(parents=True)
    (tmp_path / "lib").symlink_to("/usr/lib")
    (tmp_path / "usr/lib").mkdir()
    (tmp_path / "usr/bin/python").symlink_to("/usr/bin/tool")
    program.write_bytes(elf_with_interpreter(b"/lib/ld.so"))
    with pytest.raises(ConfigurationError, match="no dynamic loader"):
        loader_command(tmp_path, program)
    (tmp_path / "usr/lib/ld.so").write_bytes(b"")
    argv = loader_command(tmp_path, find_program(tmp_path, "python", "/bin:/usr/bin"))
    library = str(tmp_path / "usr/lib")
    assert argv == [
        f"{library}/ld.so",
        "--inhibit-cache",
        "--library-path",
        library,
        str(program),
    ]
    with pytest.raises(ConfigurationError, match="not in the image"):
        find_program(tmp_path, "missing", "/bin:/usr/bin")


def elf_with_interpreter(path: bytes) -> bytes:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, 2)
    other = struct.pack("<IIQQQQQQ", 1, 0, 0, 0, 0, 0, 0, 0)
    interp = struct.pack("<IIQQQQQQ", 3, 0, 176, 0, 0, len(path) + 1, 0, 0)
    return bytes(header) + other + interp + path + b"\0"


@pytest.mark.parametrize(
    "argv", [["python", "-m", "x", "y"], ["/usr/local/bin/python3.11", "-m", "x"]]
)
def test_the_host_s_python_runs_modules(argv: list[str]) -> None:
    assert module_arguments(argv) == argv[1:]


@pytest.mark.parametrize("argv", [["/bin/sh", "-c", "x"], ["python", "x.py"], ["python"], []])
def test_the_host_s_python_runs_nothing_else(argv: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="only run"):
        module_arguments(argv)


def test_paths_of_the_image_become_paths_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "opt/edge").mkdir(parents=True)
    mounts = [*MOUNTS, Bind(Path("/device/ca.pem"), "/etc/ca.pem", True)]

    def host(text: str) -> str:
        return on_host(text, tmp_path, mounts)

    assert host("/model/model.onnx") == "/device/model/model.onnx"
    assert host("/models") == "/models"
    assert host("/opt/edge:/captures") == f"{tmp_path}/opt/edge:/device/captures"
    assert host("/etc/ca.pem") == "/device/ca.pem"
    for same in ("127.0.0.1:8081", "https://host/model", "/", "", "-c", "HostName=a;Key=/model"):
        assert host(same) == same


def test_mount_points_are_made_inside_only(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    root.mkdir()
    (source / "file").touch()
    (root / "var").symlink_to("/usr")
    make_mount_points(root, [Bind(source, "/var/captures"), Bind(source / "file", "/etc/ca")])
    assert (root / "usr/captures").is_dir()
    assert (root / "etc/ca").is_file()
    (root / "up").symlink_to("../..")
    for target in ("captures", "/", "/../x", "/up/x"):
        with pytest.raises(ConfigurationError, match="nothing can be mounted"):
            make_mount_points(root, [Bind(source, target)])
