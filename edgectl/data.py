"""`edgectl data`: deliver batches of made-up data, to see the chain run."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edgectl.output import emit, following, json_option, progress
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
@click.option("--rows", type=click.IntRange(1, 1_000_000), help="Default: as the model says.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same rows.")
@click.option(
    "--shift",
    default="none",
    show_default=True,
    help="How the world has changed: none, or one that the model's sample knows.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file, not the landing folder."
)
@json_option
def sample(
    model: str, rows: int | None, seed: int, shift: str, out: Path | None, as_json: bool
) -> None:
    """Write one batch of synthetic raw data for MODEL, as CSV in its public schema.

    By default it is delivered into the landing folder, where the new-data sensor finds it.
    """
    from edge_assets.core.folders import model_folder
    from edge_assets.edge_model import EdgeModel
    from resources.settings import load_settings

    edge_model = EdgeModel.load(model_folder(model))
    config = edge_model.config
    count = rows or config.sample.rows
    to_a_file = out is not None
    if out is None:
        folder = _local(load_settings().landing) / config.data.landing
        suffix = "" if config.data.kind == "images" else ".csv"
        # Other models deliver into the same folder.
        whose = f"{model}-" if config.data.where else ""
        out = folder / f"{whose}{batch_name(count, seed, shift, datetime.now(UTC))}{suffix}"
    content = content_of(edge_model.sample(count, seed, shift))
    deliver(content, out)
    written = {"path": str(out), "rows": count, "seed": seed, "shift": shift, "synthetic": True}
    emit(written, as_json, lambda: str(out))
    progress(f"{count} synthetic rows, seed {seed}, shift {shift}")
    if to_a_file:
        progress("Nothing was delivered: that is done without --out.")
        return
    following(
        f"edgectl release approve {model} --by NAME --reason TEXT    when Dagster made an image",
        "edgectl fleet list",
    )


def batch_name(rows: int, seed: int, shift: str, now: datetime) -> str:
    """A name that sorts by time and says how the batch was made."""
    stamp = now.strftime("%Y%m%dT%H%M%S")
    changed = "" if shift == "none" else f"-{shift}"
    return f"sample-{stamp}-{rows}-seed{seed}{changed}"


Content = bytes | dict[str, bytes]
"""A delivery: one file, or files by their path below a folder."""


def content_of(made: Any) -> Content:
    """What `sample` of an edge model made, as a delivery: a table becomes CSV."""
    return dict(made) if isinstance(made, Mapping) else bytes(made.to_csv(index=False).encode())


def deliver(content: Content, target: Path) -> None:
    """Writes the delivery so that nobody ever sees half of it: under a hidden name, then renamed.

    Raises Unavailable when the folder cannot be written to, ConfigurationError when there is one of
    that name already: a delivered batch never changes.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            _write(temporary, content)
            _publish(temporary, target)
        else:
            for name, data in content.items():
                _write(temporary / name, data)
            if target.exists():
                raise _taken(target)
            temporary.rename(target)
    except OSError as error:
        raise Unavailable(
            f"{target} was not written",
            why=error.strerror or type(error).__name__,
            remedy="free the folder, or choose another file with --out",
        ) from None
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            temporary.unlink()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _taken(target: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{target} was not written",
        why="there is one of that name, and a delivered batch never changes",
        remedy="choose another --out, or another --seed",
    )


def _publish(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # unlike a rename it never replaces
    except FileExistsError:
        raise _taken(target) from None


def _local(url: str) -> Path:
    if "://" in url:
        raise ConfigurationError(
            "sample data is not delivered there",
            why=f"the landing folder of this environment is {url}",
            remedy="write it to a file with --out, and upload that",
        )
    return Path(url)
