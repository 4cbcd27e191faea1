"""Every rung that this machine has runs the same processes of the same image."""

import os
import signal
import sys
from pathlib import Path

import pytest

from edge.runtime import Bind, Runtime, available_runtimes
from protos.errors import ConfigurationError
from tests.edge.runtime.conftest import MakeSpec
from tests.edge.runtime.waiting import alive, end, said, until

WAITS = """
import signal, sys, time
def stop(*_):
    print("stopping", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=available_runtimes(), ids=lambda runtime: runtime.name)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.param
    return found


def test_runs_and_tells_the_exit_code(runtime: Runtime, make_spec: MakeSpec) -> None:
    spec = make_spec("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    process = runtime.start(spec)
    assert end(process) == 3
    assert "out" in spec.log.read_text()
    assert "err" in spec.log.read_text()
    assert process.stop(1.0) == 3


def test_sees_the_environment_of_image_and_caller(runtime: Runtime, make_spec: MakeSpec) -> None:
    code = "import os; print(*(os.environ.get(k) for k in ('OF', 'A', 'SECRET_OF_THE_TEST')))"
    env = {"A": "with space", "OF": "caller"}
    os.environ["SECRET_OF_THE_TEST"] = "leaked"
    try:
        spec = make_spec(code, env=env)
        assert end(runtime.start(spec)) == 0
    finally:
        del os.environ["SECRET_OF_THE_TEST"]
    assert spec.log.read_text().strip() == "caller with space None"


def test_sees_the_model_and_the_binds(
    runtime: Runtime, make_spec: MakeSpec, tmp_path: Path
) -> None:
    (tmp_path / "captures").mkdir()
    (tmp_path / "ca.pem").write_text("certificate")
    code = (
        "import os; from pathlib import Path as P; "
        "text = P(os.environ['MODEL_PATH'], 'answer').read_text(); "
        "text += P(os.environ['CA']).read_text(); "
        "P(os.environ['CAPTURES'], 'written').write_text(text)"
    )
    spec = make_spec(
        code,
        env={"CA": "/etc/edge-assets/ca.pem", "CAPTURES": "/captures"},
        binds=[
            Bind(tmp_path / "captures", "/captures"),
            Bind(tmp_path / "ca.pem", "/etc/edge-assets/ca.pem", read_only=True),
        ],
    )
    assert end(runtime.start(spec)) == 0, spec.log.read_text()
    assert (tmp_path / "captures/written").read_text() == "42certificate"


def test_stops_gracefully(runtime: Runtime, make_spec: MakeSpec) -> None:
    spec = make_spec(WAITS)
    process = runtime.start(spec)
    said(spec.log, "ready")
    assert process.poll() is None
    pid = process.pid
    assert "python" in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split(" -c")[0]
    assert process.stop(20.0) == 7
    assert "stopping" in spec.log.read_text()
    assert not alive(pid)


def test_kills_what_does_not_stop(runtime: Runtime, make_spec: MakeSpec) -> None:
    spec = make_spec(DEAF)
    process = runtime.start(spec)
    said(spec.log, "ready")
    pid = process.pid
    assert process.stop(0.2) == 128 + signal.SIGKILL
    until(lambda: not alive(pid), what="the end of the process")


def test_can_be_stopped_as_soon_as_it_is_started(runtime: Runtime, make_spec: MakeSpec) -> None:
    process = runtime.start(make_spec(WAITS))
    assert process.stop(0.5) != 0
    assert process.poll() is not None


def test_whoever_asks_for_the_pid_at_once_can_still_stop_it_gracefully(
    runtime: Runtime, make_spec: MakeSpec
) -> None:
    spec = make_spec(WAITS)
    process = runtime.start(spec)
    # While a sandbox is prepared, other processes come and go under the same parents.
    until(lambda: process.pid == 0 or "ready" in spec.log.read_text(), what="'ready' in the log")
    assert process.stop(5.0) == 7
    assert "stopping" in spec.log.read_text()


def test_two_processes_run_side_by_side(runtime: Runtime, make_spec: MakeSpec) -> None:
    specs = [make_spec(f"print({n})", name=f"module/{n}") for n in (1, 2)]
    processes = [runtime.start(spec) for spec in specs]
    assert [end(process) for process in processes] == [0, 0]
    assert [spec.log.read_text().strip() for spec in specs] == ["1", "2"]


def test_isolation_is_what_it_says(runtime: Runtime, make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the host")
    code = (
        "import os, pathlib\n"
        f"print('sees', pathlib.Path({str(tmp_path / 'secret')!r}).exists())\n"
        "print('uid', os.getuid())\n"
        "try: pathlib.Path('/opt/new').write_text('x'); print('writes True')\n"
        "except OSError: print('writes False')\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print('caps', int(status.split('CapEff:')[1].split()[0], 16))\n"
    )
    spec = make_spec(code)
    if runtime.isolation.startswith("none"):
        assert runtime.rung in ("loader", "host python")
        return
    assert end(runtime.start(spec)) == 0
    said_lines = spec.log.read_text().split("\n")[:4]
    assert said_lines == ["sees False", "uid 65532", "writes False", "caps 0"]


def test_every_byte_of_code_is_the_image_s(runtime: Runtime, make_spec: MakeSpec) -> None:
    code = (
        "import ssl, ctypes, sqlite3, sys\n"
        "print(sys.executable, ssl.__file__)\n"
        "print(*(l.split()[-1] for l in open('/proc/self/maps') if '.so' in l), sep='\\n')\n"
    )
    spec = make_spec(code)
    assert end(runtime.start(spec)) == 0, spec.log.read_text()
    paths = {line for line in spec.log.read_text().split() if line.startswith("/")}
    root = str(spec.image.rootfs)
    if runtime.rung == "loader":
        assert {path for path in paths if not path.startswith(root)} == set()
    elif runtime.rung == "host python":
        assert not runtime.image_bytes_verified
        assert sys.executable in paths
    else:
        outside = {path for path in paths if not (spec.image.rootfs / path.lstrip("/")).exists()}
        assert outside == set()


def test_a_program_that_is_not_there_is_told(
    runtime: Runtime, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec("")
    spec.image.config.entrypoint[:] = ["/no/such/program"]
    if runtime.isolation.startswith("none"):
        with pytest.raises(ConfigurationError, match=r"program|python"):
            runtime.start(spec)
    else:
        assert end(runtime.start(spec)) != 0
        assert spec.log.read_text()


def test_starting_takes_less_than_a_second_or_two(runtime: Runtime, make_spec: MakeSpec) -> None:
    process = runtime.start(make_spec("pass"))
    assert end(process, seconds=5.0) == 0
