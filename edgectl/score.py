"""`edgectl score`: predictions for the rows of a file, with the engine of the device."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgectl.output import emit, json_option, progress
from protos.errors import ConfigurationError, DataRefused, EdgeAssetsError, NotFound, Unavailable

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig

_FORMATS = (".csv", ".parquet")


@click.command(
    epilog="\b\nExamples:\n"
    "  edgectl score nyc_taxi trips.csv --out scores.csv\n"
    "  edgectl score nyc_taxi trips.parquet --out scores.parquet --candidate\n"
    "  edgectl score nyc_taxi trips.csv | head"
)
@click.argument("model")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .csv or .parquet file; without it, CSV on stdout.",
)
@click.option("--candidate", is_flag=True, help="The newest ONNX artifact, not the release.")
@click.option(
    "--model-folder",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    help="The folder with model.yaml, if it is not the one that MODEL has here.",
)
@json_option
def score(
    model: str,
    file: Path,
    out: Path | None,
    candidate: bool,
    model_folder: Path | None,
    as_json: bool,
) -> int:
    """Score the raw rows of FILE (CSV, Parquet; for images a folder) with MODEL's newest release.

    One row comes out for each row of FILE, in the same order. A row that cannot be scored has no
    prediction, and the reason in the column `rejected`. Exit 1 when no row could be scored.
    """
    from edge_assets.core.scoring import summary
    from edge_assets.deliveries import read
    from edge_assets.scorer import Scorer
    from resources.platform import Platform

    if out is not None and out.suffix.lower() not in _FORMATS:
        raise ConfigurationError(
            f"{out.name} is no file of scores", remedy="let its name end with .csv or .parquet"
        )
    if out is not None and out.resolve() == file.resolve():
        raise ConfigurationError(
            f"{out} is the file that is scored", remedy="choose another --out: it would be lost"
        )
    edge_model = _edge_model(model, model_folder)
    if file.is_dir() and edge_model.config.data.kind != "images":
        raise ConfigurationError(
            f"{file} is a folder", why="rows of several files have no order", remedy="name one file"
        )
    try:
        raw = read(edge_model.config, file)
    except DataRefused as refused:  # nothing is quarantined here: it is a file that cannot be read
        raise EdgeAssetsError(refused.what, why=refused.why, remedy=refused.remedy) from None
    lost = _missing(edge_model.config, raw)
    if lost and not edge_model.config.data.required:
        # a value may be unknown, a column may not: it has another name. With `required` the columns
        # are those of the model's own `prepare`, which may need some for the target only
        raise _lacking(file, lost, raw)
    platform = Platform()
    artifact, told = _artifact(platform, edge_model.config.name, candidate)
    scorer = Scorer(edge_model, platform.artifacts, artifact)
    try:
        scores = scorer.score(raw)
    except Exception as error:
        if lost:
            raise _lacking(file, lost, raw) from error
        raise
    counted = summary(scores, edge_model.config.prediction)
    if lost and not counted["scored"]:
        raise _lacking(file, lost, raw)
    answer = {"file": str(file), **told, "model_digest": scorer.digest, **counted}
    if out is not None:
        _write(scores, out)
        emit({**answer, "out": str(out)}, as_json, lambda: str(out))
    elif as_json:
        emit({**answer, "scores": _records(scores)}, as_json, str)
    else:
        scores.to_csv(sys.stdout, index=False)
    progress(f"{counted['scored']} of {counted['rows']} rows scored with {scorer.digest}")
    for reason, rows in counted["reasons"].items():
        progress(f"  {rows} rejected: {reason}")
    return 0 if counted["scored"] else 1


def _missing(config: "ModelConfig", raw: "pd.DataFrame") -> list[str]:
    """The columns that a delivery needs and `raw` does not have, beside the target."""
    from edge_assets.core.preparing import plain, required_of

    if config.data.kind == "images":
        return []
    there = {plain(str(name)) for name in raw.columns}
    answers = {plain(name) for name in (config.prediction.target, *config.data.target_aliases)}
    groups = required_of(config.data, config.prediction)
    lost = [group for group in groups if not there & set(map(plain, group))]
    return [" or ".join(group) for group in lost if not answers & set(map(plain, group))]


def _lacking(file: Path, lost: list[str], raw: "pd.DataFrame") -> EdgeAssetsError:
    return EdgeAssetsError(
        f"{file.name} cannot be scored",
        why=f"it has no column {', no '.join(lost)}; it has: "
        f"{', '.join(map(str, raw.columns))[:500]}",
        remedy="name its columns as model.yaml does, or add their names to the aliases there",
    )


def _edge_model(name: str, folder: Path | None) -> Any:
    from edge_assets.core.folders import model_folder
    from edge_assets.edge_model import EdgeModel

    found = EdgeModel.load(model_folder(name) if folder is None else folder)
    if found.config.name != name:
        raise ConfigurationError(
            f"{folder} is not the folder of {name}",
            why=f"its model.yaml names {found.config.name}",
            remedy="name the model as its model.yaml does",
        )
    return found


def _artifact(platform: Any, name: str, candidate: bool) -> tuple[str, dict[str, Any]]:
    """The document of the artifact that is asked, and what is to be told of it."""
    import dagster as dg

    from edge_assets.lineage import newest
    from edge_assets.operate import instance_at
    from edge_assets.scorer import artifact_of

    instance = instance_at(platform.settings.home)
    if candidate:
        found = newest(instance, dg.AssetKey([name, "onnx_model"]))
        if found is None:
            raise NotFound(
                f"{name} has no candidate yet", remedy=f"deliver data: edgectl data sample {name}"
            )
        return found, {"candidate": True}
    release = newest(instance, dg.AssetKey([name, "release"]))
    if release is None:
        raise NotFound(
            f"{name} has no release yet",
            remedy="approve one (edgectl release approve), or use --candidate",
        )
    document = platform.artifacts.get_document(release)
    return artifact_of(platform.artifacts, release), {"release": document["number"]}


def _records(scores: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows as JSON values; what is unknown is null."""
    import json

    found: list[dict[str, Any]] = json.loads(scores.to_json(orient="records", double_precision=15))
    return found


def _write(scores: "pd.DataFrame", out: Path) -> None:
    """Writes under another name first: nobody sees half a file. Raises Unavailable."""
    buffer = io.BytesIO()
    if out.suffix.lower() == ".parquet":
        scores.to_parquet(buffer, index=False, engine="pyarrow")
    else:
        scores.to_csv(buffer, index=False)
    temporary = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(out)
    except OSError as error:
        raise Unavailable(
            f"{out} was not written",
            why=error.strerror or type(error).__name__,
            remedy="choose another --out",
        ) from None
