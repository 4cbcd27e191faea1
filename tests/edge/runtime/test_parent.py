"""Children end with their parent, whichever of its threads started them."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.runtime import available_runtimes, best_runtime
from edge.runtime.spawn import dying_with_parent, spawn
from protos.errors import Unavailable
from tests.edge.runtime.conftest import MakeSpec
from tests.edge.runtime.waiting import alive, said, until

# A process that starts a child on one rung, tells its pid and waits to be killed.
PARENT = """
import json, sys, time
from pathlib import Path
from edge.oci import ImageConfig, UnpackedImage
from edge.runtime import ProcessSpec, best_runtime
from edge.oci import BlobStore
digest, rootfs, store, tool, log = sys.argv[1:]
code = "import time; print('ready', flush=True); time.sleep(120)"
config = ImageConfig({}, ["python", "-c"], [code])
image = UnpackedImage(digest, Path(rootfs), None, config, None, BlobStore(Path(store)))
process = best_runtime(tool).start(ProcessSpec(image, "orphan", {}, Path(log)))
deadline = time.monotonic() + 20
while "ready" not in Path(log).read_text() and time.monotonic() < deadline:
    time.sleep(0.02)
print(json.dumps(process.pid), flush=True)
time.sleep(120)
"""


@pytest.mark.parametrize("tool", [runtime.name for runtime in available_runtimes()])
def test_a_killed_parent_leaves_no_child(tool: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    image = make_spec("").image
    assert image.store is not None
    arguments = [image.digest, str(image.rootfs), str(image.store.root), tool]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        line = parent.stdout.readline()
        parent.kill()
    pid = json.loads(line)
    until(lambda: not alive(pid), 20, f"the end of the child on {tool}")


def test_the_end_of_a_thread_ends_nobody(make_spec: MakeSpec) -> None:
    runtime = best_runtime("sandbox")
    spec = make_spec("import time; print('ready', flush=True); time.sleep(60)")
    started = []
    thread = threading.Thread(target=lambda: started.append(runtime.start(spec)))
    thread.start()
    thread.join(10)
    said(spec.log, "ready")
    assert started[0].poll() is None
    started[0].stop(0)


def test_without_setpriv_the_command_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert dying_with_parent(["a"], signal.SIGKILL, privileges=False) == ["a"]


def test_what_cannot_be_started_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        spawn(["/no/such/program"], env={}, log=tmp_path / "log")


def test_a_child_gets_exactly_its_environment(tmp_path: Path) -> None:
    child = spawn(["/usr/bin/env"], env={"ONLY": "this"}, log=tmp_path / "log")
    assert child.wait(10) == 0
    assert (tmp_path / "log").read_text() == "ONLY=this\n"
    assert os.environ.get("ONLY") is None
