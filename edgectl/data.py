"""`edgectl data`: deliver batches of made-up data, to see the chain run."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from edgectl.output import emit, following, json_option, progress
from edgectl.seeding import MODELS
from protos.errors import ConfigurationError, Unavailable


@click.group()
def data() -> None:
    """Make sample data."""


@data.command(
    epilog="\b\nExamples:\n"
    "  edgectl data sample nyc_taxi\n"
    "  edgectl data sample nyc_taxi --rows 5000 --seed 2 --shift distance\n"
    "  edgectl data sample nyc_taxi --rows 100 --out trips.csv"
)
@click.argument("model")
@click.option("--rows", type=click.IntRange(1, 1_000_000), default=3000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same rows.")
@click.option(
    "--shift",
    type=click.Choice(["none", "distance", "hours"]),
    default="none",
    show_default=True,
    help="How the world has changed.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, not the landing folder."
)
@json_option
def sample(model: str, rows: int, seed: int, shift: str, out: Path | None, as_json: bool) -> None:
    """Write one batch of synthetic raw data for MODEL, as CSV in its public schema.

    By default it is delivered into the landing folder, where the new-data sensor finds it.
    """
    from edge_assets.core.config import load_function, load_model_config
    from resources.settings import load_settings

    config = load_model_config(_model_file(model))
    if out is None:
        folder = _local(load_settings().landing) / config.data.landing
        out = folder / batch_name(rows, seed, shift, datetime.now(UTC))
    table = load_function(config.entrypoints.sample)(rows, seed, shift)
    deliver(table.to_csv(index=False).encode(), out)
    written = {"path": str(out), "rows": rows, "seed": seed, "shift": shift, "synthetic": True}
    emit(written, as_json, lambda: str(out))
    progress(f"{rows} synthetic rows, seed {seed}, shift {shift}")
    following(
        f"edgectl release approve {model} --by NAME --reason TEXT    when Dagster made an image",
        "edgectl fleet list",
    )


def batch_name(rows: int, seed: int, shift: str, now: datetime) -> str:
    """A name that sorts by time and says how the batch was made."""
    stamp = now.strftime("%Y%m%dT%H%M%S")
    changed = "" if shift == "none" else f"-{shift}"
    return f"sample-{stamp}-{rows}-seed{seed}{changed}.csv"


def deliver(content: bytes, target: Path) -> None:
    """Writes the file so that nobody ever sees half of it: under a hidden name, then renamed.

    Raises Unavailable when the folder cannot be written to, ConfigurationError when there is a file
    of that name already: a delivered batch never changes.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _publish(temporary, target)
    except OSError as error:
        raise Unavailable(
            f"{target} was not written",
            why=error.strerror or type(error).__name__,
            remedy="free the folder, or choose another file with --out",
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _publish(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # unlike a rename it never replaces
    except FileExistsError:
        raise ConfigurationError(
            f"{target} was not written",
            why="there is a file of that name, and a delivered batch never changes",
            remedy="choose another --out, or another --seed",
        ) from None


def _model_file(model: str) -> Path:
    found = {path.parent.name: path for path in MODELS.glob("*/model.yaml")}
    if model not in found:
        raise ConfigurationError(
            f"there is no edge model '{model}'",
            why=f"known are: {', '.join(sorted(found)) or 'none'}",
            remedy="correct the name",
        )
    return found[model]


def _local(url: str) -> Path:
    if "://" in url:
        raise ConfigurationError(
            "sample data is not delivered there",
            why=f"the landing folder of this environment is {url}",
            remedy="write it to a file with --out, and upload that",
        )
    return Path(url)
