"""`edgectl model`: make and check edge models, and find how one runs best on these cores."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
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
    from edgectl.chain import Workbench
    from inference_service.tune.parity import Parity
    from inference_service.tune.subject import Subject

_OBJECTIVES = ["latency", "throughput", "start", "memory", "size"]


@click.group()
def model() -> None:
    """Make, check and tune models."""


for command in (new, check, schema):
    model.add_command(command)


@model.command(
    epilog="\b\nExamples:\n"
    "  edgectl model tune nyc_taxi --cores 0\n"
    "  edgectl model tune ./my_model --int8 --calibration rows.npz --tolerance 0.01\n"
    "  edgectl model tune ./my_model --fp16 --for size --tolerance 0.01"
)
@click.argument("model")
@click.option("--cores", default="", help="As 0, 0,1 or 0-3; default: all that may be used.")
@click.option("--for", "objective", type=click.Choice(_OBJECTIVES), default="latency")
@click.option("--int8", is_flag=True, help="Try 8-bit integers too.")
@click.option("--fp16", is_flag=True, help="Try 16-bit floats inside too: half the file.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=".npz with an array for each input, and for outputs what is right: rows to calibrate and "
    "to compare with. Default for an edge model: its holdout.",
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
@click.option(
    "--metric-tolerance",
    type=click.FloatRange(0.0, 1.0),
    default=0.01,
    show_default=True,
    help="Where it is known what is right: how much lower the share of right labels may be, or by "
    "which share of itself the mean absolute error may be larger.",
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
    fp16: bool,
    calibration: Path | None,
    tolerance: float | None,
    agreement: float,
    metric_tolerance: float,
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
    from edge_assets.tuning.fp16 import FP16, halve
    from edge_assets.tuning.fp16_rounded import judge_rounded
    from edge_assets.tuning.graphs import INT8, PREPARED, prepare, quantise
    from inference_service.tune.candidates import AS_BUILT
    from inference_service.tune.choose import Policy
    from inference_service.tune.machine import parse_cores
    from inference_service.tune.runner import Effort
    from inference_service.tune.subject import read_subject
    from inference_service.tune.tuning import tune as measure_and_choose

    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="edgectl-tune-")))
        folder, bench = _found(model, work)
        target = _target(model, folder, out, in_place, bench is not None)
        subject = read_subject(folder, calibration, tolerance, agreement, metric_tolerance)
        if bench is not None and calibration is None and (int8 or fp16):
            subject = _with_holdout(subject, bench)
        graphs = {PREPARED: work / "prepared.onnx"}
        prepare(subject.model, graphs[PREPARED])
        if int8:
            graphs[INT8] = work / "int8.onnx"
            quantise(subject.model, graphs[INT8], subject.questions if subject.real else [])
        about: dict[str, Any] = {}
        judged: dict[str, Parity] = {}
        if fp16:
            graphs[FP16] = work / "fp16.onnx"
            halved = halve(subject.model, graphs[FP16], subject.questions)
            about[FP16], judged[FP16] = halved.as_json(), judge_rounded(subject, halved.rounded)
        if bench is not None:
            config = bench.chain.config
            max_model = max_model or config.budget.model_bytes
            max_memory = max_memory or config.device.memory_bytes
        tuning = measure_and_choose(
            subject,
            parse_cores(cores),
            Policy(objective, model_bytes=max_model, memory_bytes=max_memory),
            Effort(rounds=rounds, runs=runs),
            progress,
            graphs,
            judged,
        )
        tuning = replace(tuning, record={**tuning.record, **about})
        chosen = {AS_BUILT: subject.model, **graphs}[tuning.chosen.candidate.graph]
        made = write_tuned(folder, target, chosen, tuning)
    record = {**tuning.record, "folder": str(target), "tuned_digest": made["digest"]}
    emit(record, as_json, lambda: _text(record))
    if bench is not None:
        following(*_for_the_chain(model, record, tuning.chosen.candidate.graph == AS_BUILT))
    else:
        following(f"python -m inference_service --model {target}")


def _found(model: str, work: Path) -> "tuple[Path, Workbench | None]":
    """The folder that `model` names; of an edge model, the newest artifact, and its workbench."""
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
    return work / model, bench


def _with_holdout(subject: "Subject", bench: "Workbench") -> "Subject":
    from edge_assets.lineage import required
    from edge_assets.tuning.holdout import with_holdout

    artifact = required(bench.instance, bench.chain.key("onnx_model"))
    return with_holdout(subject, bench.chain.config, bench.platform.artifacts, artifact)


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
            *_rewritten(record["candidates"]),
            f"chosen  {choice['candidate']}: {choice['why']}",
            f"folder  {record['folder']}",
        ]
    )


def _rewritten(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What graphs in fewer bits bring and cost, a line for each, whatever is chosen.

    Of outputs whose truth is known, the share of right labels or the mean absolute error.
    """
    from edge_assets.tuning.graphs import PREPARED

    default = entries[0]
    lines = []
    for entry in entries:
        if entry["candidate"] != entry["graph"] or entry["graph"] == PREPARED:
            continue
        size, before = entry["model_bytes"], default["model_bytes"]
        told = [f"{size} of {before} bytes ({size / before:.0%})"]
        if entry["largest_difference"] is not None:
            told.append(f"largest difference {entry['largest_difference']:.3g}")
        for name, figure in entry["metric"].items():
            told.append(f"{name}: {_figure(figure)} instead of {_figure(default['metric'][name])}")
        if entry["p50_ms"] is not None:
            told.append(f"p50 {entry['p50_ms'] / default['p50_ms']:.2f} times the default's")
        lines.append(f"{entry['candidate']}  {', '.join(told)}")
    return lines


def _figure(value: float | None, digits: int = 3, unit: float = 1.0) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


def _for_the_chain(model: str, record: Mapping[str, Any], same_graph: bool) -> list[str]:
    """How the choice comes into the chain, so that the next image has it."""
    from edge_assets.core.folders import model_folder

    options = ", ".join(f"{key}: {_yaml(v)}" for key, v in record["choice"]["runtime"].items())
    file = model_folder(model) / "model.yaml"
    here = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    lines = [f"put into {here}", f"runtime: {{{options}}}"]
    if not same_graph:
        lines.append(f"and let to_onnx of {model} make the graph of {record['folder']}")
    return lines


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
