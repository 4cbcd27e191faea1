import subprocess
from pathlib import Path

import pytest

from edge.oci.descriptors import host_architecture
from edge.runtime import Process, ProcessSpec, Runtime, available_runtimes, best_runtime, ladder
from edge.runtime.elf import exits_with_42, interpreter
from edge.runtime.engine import Engine, Variant
from edge.runtime.probe import works
from edge.runtime.sandbox import Sandbox
from protos.errors import ConfigurationError, Unavailable

RUNGS = ["engine", "sandbox", "loader", "host python"]


def test_rungs_come_best_first() -> None:
    found = [runtime.rung for runtime in available_runtimes()]
    assert found == sorted(found, key=RUNGS.index)
    assert "host python" in found
    assert available_runtimes()[0] is best_runtime("")


def test_a_rung_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    for runtime in available_runtimes():
        assert best_runtime(runtime.name) is runtime
    assert best_runtime("host python").rung == "host python"
    monkeypatch.setenv("EDGE_RUNTIME", "host-python")
    assert best_runtime().rung == "host python"


def test_an_unknown_rung_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no runtime 'kubernetes'"):
        best_runtime("kubernetes")


def test_what_is_not_installed_is_no_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(ladder, "_probed", {})
    with pytest.raises(Unavailable, match="does not work on this machine"):
        best_runtime("podman")
    assert [runtime.rung for runtime in available_runtimes()][-1] == "host python"


def test_what_only_looks_installed_is_no_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not works(Sandbox("bwrap"))
    (tmp_path / "docker").write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    assert not works(Engine("docker", Variant()))


def test_a_rung_that_cannot_start_does_not_work() -> None:
    class Broken:
        rung, name, isolation = "sandbox", "broken", "none"
        image_bytes_verified = shares_network = True

        def start(self, spec: ProcessSpec) -> Process:
            raise Unavailable("broken")

    runtime: Runtime = Broken()
    assert not works(runtime)


def test_each_rung_tells_what_it_proves() -> None:
    for runtime in available_runtimes():
        assert runtime.image_bytes_verified is (runtime.rung != "host python")
        assert ("none" in runtime.isolation) is (runtime.rung in ("loader", "host python"))


def test_the_probe_s_program_really_ends_with_42(tmp_path: Path) -> None:
    program = exits_with_42(host_architecture())
    assert program is not None
    assert len(program) < 200
    (tmp_path / "program").write_bytes(program)
    (tmp_path / "program").chmod(0o755)
    assert subprocess.run([tmp_path / "program"], timeout=5).returncode == 42
    assert interpreter(tmp_path / "program") is None


def test_no_program_for_an_unknown_machine() -> None:
    assert exits_with_42("s390x") is None
    assert exits_with_42("arm64") != exits_with_42("amd64")


def test_only_dynamic_programs_have_an_interpreter(tmp_path: Path) -> None:
    assert "ld-" in (interpreter(Path("/bin/sh")) or "")
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert interpreter(tmp_path / "script") is None
