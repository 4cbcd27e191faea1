import json
import subprocess
import sys
import time

import click
import pytest

from edgectl.lazy import Lazy, LazyGroup
from edgectl.main import TABLE, cli, run
from protos.errors import ConfigurationError, GateClosed, NotFound, Unavailable

from .conftest import Runner


def test_every_command_of_the_table_is_there_and_has_a_summary() -> None:
    context = click.Context(cli)
    for name, lazy in TABLE.items():
        command = cli.get_command(context, name)
        assert command is not None, name
        assert command.help, name
        assert lazy.summary.endswith("."), name


def test_every_command_that_answers_has_json_and_examples() -> None:
    context = click.Context(cli)
    for name in ("fleet", "data", "predict", "doctor"):
        command = cli.get_command(context, name)
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert leaf is not None
            assert any("--json" in parameter.opts for parameter in leaf.params), leaf.name
            assert "Example" in (leaf.epilog or ""), leaf.name


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys\nfrom edgectl.main import run\ncode = run(['--help'])\n"
        "heavy = {'azure', 'dagster', 'pandas', 'pydantic', 'grpc', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else code)"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"doctor" in done.stdout
    assert time.monotonic() - began < 5  # 0.2 s on an idle machine


def failing(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("fail", callback=fail)


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (NotFound("no device x", why="it was deleted", remedy="make one"), 1, "error: no device x"),
        (Unavailable("no hub"), 1, "error: no hub"),
        (ConfigurationError("no key"), 2, "error: no key"),
        (GateClosed("not good enough"), 3, "refused: not good enough"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oops"), 1, "edgectl failed: ZeroDivisionError: oops"),
    ],
)
def test_each_error_has_its_exit_code_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    word: str,
) -> None:
    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing(error))
    monkeypatch.delenv("EDGE_DEBUG", raising=False)
    assert run(["fail"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip().startswith(word)
    assert "Traceback" not in said.err


def test_why_and_remedy_stand_on_lines_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = NotFound("no device x", why="it was deleted", remedy="make one")
    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing(error))
    run(["fail"])
    assert capsys.readouterr().err.splitlines() == [
        "error: no device x",
        "  why: it was deleted",
        "  remedy: make one",
    ]


def test_wrong_usage_is_two(edgectl: Runner) -> None:
    assert edgectl("nonsense").code == 2
    assert edgectl("fleet", "show").code == 2
    assert edgectl("fleet", "create", "--rings", "canary").code == 2
    assert edgectl("--version").code == 0


def test_an_error_under_json_is_json(edgectl: Runner) -> None:
    done = edgectl("fleet", "list", "--json")
    assert (done.code, done.out) == (2, "")
    error = json.loads(done.err)["error"]
    assert error["kind"] == "ConfigurationError"
    assert "edgectl up" in error["remedy"]


def test_a_table_entry_that_is_no_command_is_found_out() -> None:
    group = LazyGroup("g", table={"x": Lazy("edgectl.output:table", "Not a command.")})
    with pytest.raises(AssertionError):
        group.get_command(click.Context(group), "x")
    assert group.get_command(click.Context(group), "y") is None
