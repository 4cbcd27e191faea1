"""`edgectl release export` and `import`: a release as a file, from one environment to the next."""

from pathlib import Path
from typing import Any

import click

from edgectl.output import emit, following, json_option, progress, table


@click.command(
    "export",
    epilog="\b\nExample:\n  EDGE_ENVIRONMENT=staging edgectl release export nyc_taxi nyc_taxi.tar",
)
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--release", default="", help="Digest of an earlier release; default the newest.")
@click.option("--deliveries", is_flag=True, help="Take the bytes of the raw batches along.")
@json_option
def export_command(model: str, file: Path, release: str, deliveries: bool, as_json: bool) -> None:
    """Write the newest release of MODEL to FILE, a tar, to be handed on.

    In it are its images, its model, the rows that it learned from, and what says where it came
    from. Refused (exit 3) when nothing is approved or a gate behind it is closed.
    """
    from edge_assets.hand_on import export_release
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    progress("reading the release; images come from the registry where they were not built here")
    made = export_release(
        bench.chain,
        bench.instance,
        bench.platform,
        file,
        release=release,
        deliveries=deliveries,
    )
    emit(made, as_json, lambda: _exported(made))
    following(
        f"edgectl release import {file} --release {made['release']}    in the other environment"
    )


def _exported(made: dict[str, Any]) -> str:
    return table(
        ("release", "digest", "image", "file", "MB"),
        [
            (
                made["number"],
                made["release"],
                made["image"],
                made["file"],
                f"{made['bytes'] / 1e6:.1f}",
            )
        ],
    )


@click.command(
    "import",
    epilog="\b\nExample:\n  EDGE_ENVIRONMENT=prod edgectl release import nyc_taxi.tar",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--release", default="", help="Digest that the release in FILE must have.")
@json_option
def import_command(file: Path, release: str, as_json: bool) -> None:
    """Take the release in FILE over as a candidate, for a person to approve here.

    All of FILE is verified first: if it is damaged, not whole or no release, nothing is changed.
    """
    from edge_assets.hand_on import received, take_over
    from edgectl.chain import open_workbench
    from resources.platform import Platform

    platform = Platform()
    progress("verifying the file")
    with received(file, platform.work, release=release) as given:
        bench = open_workbench(given.index.model, platform)
        progress("copying artifacts and images that are not here yet")
        done = take_over(given, bench.chain, bench.instance, platform)
    emit(done, as_json, lambda: _imported(done))
    if not done["new_candidate"]:
        progress("It was the newest candidate already: nothing has changed.")
    following(
        f"edgectl release approve {done['model']} --image {done['image']} --by NAME --reason TEXT"
    )


def _imported(done: dict[str, Any]) -> str:
    counts = ("artifacts_copied", "artifacts_present", "image_blobs_sent", "image_blobs_present")
    return table(
        ("model", "image", "from", *(name.replace("_", " ") for name in counts)),
        [(done["model"], done["image"], done["from"], *(done[name] for name in counts))],
    )
