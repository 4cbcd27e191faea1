"""`edgectl model`: make and check edge models, and find how one runs best on these cores."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from edgectl.onboarding.check import check
from edgectl.onboarding.new import new
from edgectl.onboarding.schema import schema
from edgectl.output import emit, following, json_option, progress, table
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_assets.core.config_schema import ModelConfig

_OBJECTIVES = ["latency", "throughput", "start", "memory"]


@click.group()
def model() -> None:
    """Make, check and tune models."""


for command in (new, check, schema):
    model.add_command(command)


@model.command(
    epilog="\b\nExamples:\n"
    "  edgectl model tune nyc_taxi --cores 0\n"
    "  edgectl model tune ./my_model --int8 --calibration rows.npz --tolerance 0.01"
)
@click.argument("model")
@click.option("--cores", default="", help="As 0, 0,1 or 0-3; default: all that may be used.")
@click.option("--for", "objective", type=click.Choice(_OBJECTIVES), default="latency")
@click.option("--int8", is_flag=True, help="Try 8-bit integers too.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=".npz with an array for each input: rows to calibrate and to compare with.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0.0),
    help="Difference of answers that is accepted, in place of golden.json's.",
)
@click.option(
    "--agreement",
    type=click.FloatRange(0.0, 1.0),
    default=1.0,
    show_default=True,
    help="Share of labels that must stay the same.",
)
@click.option("--max-model", type=click.IntRange(min=1), help="Bytes the model file may have.")
@click.option("--max-memory", type=click.IntRange(min=1), help="Bytes its session may take.")
@click.option("--rounds", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--runs", type=click.IntRange(5, 100_000), default=1000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="New folder; default NAME-tuned.")
@click.option("--in-place", is_flag=True, help="Change the folder itself.")
@json_option
def tune(
    model: str,
    cores: str,
    objective: str,
    int8: bool,
    calibration: Path | None,
    tolerance: float | None,
    agreement: float,
    max_model: int | None,
    max_memory: int | None,
    rounds: int,
    runs: int,
    out: Path | None,
    in_place: bool,
    as_json: bool,
) -> None:
    """Measure MODEL, a model folder or an edge model by name, and write it as it runs best."""
    from edge_assets.tuning.folders import write_tuned
    from edge_assets.tuning.graphs import INT8, PREPARED, prepare, quantise
    from inference_service.tune.candidates import AS_BUILT
    from inference_service.tune.choose import Policy
    from inference_service.tune.machine import parse_cores
    from inference_service.tune.runner import Effort
    from inference_service.tune.subject import read_subject
    from inference_service.tune.tuning import tune as measure_and_choose

    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="edgectl-tune-")))
        folder, config = _found(model, work)
        target = _target(model, folder, out, in_place, config is not None)
        subject = read_subject(folder, calibration, tolerance, agreement)
        graphs = {PREPARED: work / "prepared.onnx"}
        prepare(subject.model, graphs[PREPARED])
        if int8:
            graphs[INT8] = work / "int8.onnx"
            quantise(subject.model, graphs[INT8], subject.questions if subject.real else [])
        if config is not None:
            max_model = max_model or config.budget.model_bytes
            max_memory = max_memory or config.device.memory_bytes
        tuning = measure_and_choose(
            subject,
            parse_cores(cores),
            Policy(objective, model_bytes=max_model, memory_bytes=max_memory),
            Effort(rounds=rounds, runs=runs),
            progress,
            graphs,
        )
        chosen = {AS_BUILT: subject.model, **graphs}[tuning.chosen.candidate.graph]
        made = write_tuned(folder, target, chosen, tuning)
    record = {**tuning.record, "folder": str(target), "tuned_digest": made["digest"]}
    emit(record, as_json, lambda: _text(record))
    if config is not None:
        following(*_for_the_chain(model, record, tuning.chosen.candidate.graph == AS_BUILT))
    else:
        following(f"python -m inference_service --model {target}")


def _found(model: str, work: Path) -> "tuple[Path, ModelConfig | None]":
    """The folder that `model` names; of an edge model, the newest artifact, and its model.yaml."""
    if Path(model).is_dir():
        return Path(model), None
    if not model.isidentifier():
        raise ConfigurationError(
            f"there is no model folder {model}", remedy="name a folder, or an edge model"
        )
    from edge_assets.lineage import required
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    store = bench.platform.artifacts
    onnx = store.get_document(required(bench.instance, bench.chain.key("onnx_model")))
    for name, digest in onnx["files"].items():
        store.get_file(digest, work / model / name)
    return work / model, bench.chain.config


def _target(model: str, folder: Path, out: Path | None, in_place: bool, by_name: bool) -> Path:
    """Where the tuned folder goes. Refused before anything is measured, which takes a while."""
    if in_place and (out is not None or by_name):
        raise ConfigurationError(
            "--in-place changes a model folder",
            why="there is an --out as well" if out is not None else f"{model} is an edge model",
            remedy="leave --in-place away",
        )
    if in_place:
        return folder
    target = out or (
        Path(f"{model}-tuned") if by_name else folder.with_name(f"{folder.resolve().name}-tuned")
    )
    if target.exists():
        raise ConfigurationError(
            f"{target} is there already",
            remedy="remove it, choose another --out, or take --in-place",
        )
    return target


def _text(record: Mapping[str, Any]) -> str:
    rows = [
        (
            entry["candidate"],
            _figure(entry["p50_ms"]),
            _figure(entry["p95_ms"]),
            _figure(entry["batch_p50_ms"]),
            _figure(entry["cpu_ms"]),
            _figure(entry["load_ms"], 1),
            _figure(entry["memory_bytes"], 1, 1e6),
            entry["verdict"],
        )
        for entry in record["candidates"]
    ]
    headers = ("candidate", "p50", "p95", "batch", "cpu", "load", "MB", "verdict")
    choice = record["choice"]
    return "\n".join(
        [
            table(headers, rows),
            f"chosen  {choice['candidate']}: {choice['why']}",
            f"folder  {record['folder']}",
        ]
    )


def _figure(value: float | None, digits: int = 3, unit: float = 1.0) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


def _for_the_chain(model: str, record: Mapping[str, Any], same_graph: bool) -> list[str]:
    """How the choice comes into the chain, so that the next image has it."""
    options = ", ".join(f"{key}: {_yaml(v)}" for key, v in record["choice"]["runtime"].items())
    lines = [f"put into edge_assets/models/{model}/model.yaml", f"runtime: {{{options}}}"]
    if not same_graph:
        lines.append(f"and let to_onnx of {model} make the graph of {record['folder']}")
    return lines


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
