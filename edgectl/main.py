"""`edgectl`, the command line of edge-assets.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused by a gate, 130 interrupted.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib import metadata

import click

from edgectl.lazy import Lazy, LazyGroup
from protos.errors import EdgeAssetsError

TABLE = {
    "up": Lazy("edgectl.up:up", "Run everything here: hub, registry, fleet, Dagster."),
    "demo": Lazy("edgectl.demo:demo", "Tell the whole story once, without Dagster's UI."),
    "fleet": Lazy("edgectl.fleet:fleet", "Create and look at devices."),
    "release": Lazy("edgectl.release:release", "Approve, list and hand on releases."),
    "rollout": Lazy("edgectl.release:rollout", "Plan, start and watch rollouts."),
    "why": Lazy("edgectl.why:why", "Follow what a device runs back to the raw rows."),
    "predict": Lazy("edgectl.predict:predict", "Ask a device for a prediction."),
    "score": Lazy("edgectl.score:score", "Score the rows of a file."),
    "compare": Lazy("edgectl.compare:compare", "Compare a candidate with the champion."),
    "model": Lazy("edgectl.model:model", "Make, check and tune models."),
    "data": Lazy("edgectl.data:data", "Make sample data."),
    "alerts": Lazy("edgectl.alerts:alerts", "Try how people are told."),
    "doctor": Lazy("edgectl.doctor:doctor", "Find what is wrong here and how to mend it."),
}

_EPILOG = """\b
Examples:
  edgectl up                    start everything, Ctrl-C ends it
  edgectl data sample nyc_taxi  deliver a batch: Dagster does the rest
  edgectl fleet list            which device runs what, and is it proven
  edgectl why line-1            from the device back to the raw rows

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused by a gate.
NO_COLOR is honoured; EDGE_DEBUG=1 shows tracebacks."""


@click.group(
    cls=LazyGroup,
    table=TABLE,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="edge-assets", prog_name="edgectl")
def cli() -> None:
    """Edge models as Dagster assets: from raw data to proven deployments on devices."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. Ends the process with one of the documented exit codes."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code; errors are told on stderr."""
    try:
        code = cli.main(list(arguments), prog_name="edgectl", standalone_mode=False)
    except EdgeAssetsError as error:
        _tell(error, "--json" in arguments)
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; start it again to go on", err=True)
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`). Nothing is left to say, nor anybody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("EDGE_DEBUG"):
            raise
        click.echo(f"edgectl failed: {type(error).__name__}: {error}", err=True)
        click.echo(
            f"  remedy: this is a fault of edge-assets {_version()}; "
            "run it again with EDGE_DEBUG=1 and report what it prints",
            err=True,
        )
        return 1
    return code if isinstance(code, int) else 0


def _tell(error: EdgeAssetsError, as_json: bool) -> None:
    if as_json:
        told = {"what": error.what, "why": error.why, "remedy": error.remedy}
        document = {"error": {**told, "kind": type(error).__name__, "exit_code": error.exit_code}}
        click.echo(json.dumps(document), err=True)
        return
    word = "refused" if error.exit_code == 3 else "error"
    click.echo(f"{word}: {error.what}", err=True)
    if error.why:
        click.echo(f"  why: {error.why}", err=True)
    if error.remedy:
        click.echo(f"  remedy: {error.remedy}", err=True)


def _version() -> str:
    try:
        return metadata.version("edge-assets")
    except metadata.PackageNotFoundError:
        return "(not installed)"
