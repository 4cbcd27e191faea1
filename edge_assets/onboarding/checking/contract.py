"""Goes through the steps of one edge model as the chain would, and judges each."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.holdout import Split, split
from edge_assets.core.metrics import judge_floors
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking.delivery import as_rows, delivered, own_rows
from edge_assets.onboarding.checking.edges import edge_rows, failing_edge, probe_rows
from edge_assets.onboarding.checking.faults import failed, told_of
from edge_assets.onboarding.checking.imports import import_alone
from edge_assets.onboarding.checking.judging import (
    judge_bad_rows,
    judge_floor_names,
    judge_imports,
    judge_outputs,
    judge_prepared,
    lost_feature,
    parity_of,
    part_of,
    same_outputs,
    spoil,
    told,
)
from edge_assets.onboarding.checking.outcome import Outcome, judged
from edge_assets.onboarding.checking.own_tests import own_tests as run_own_tests
from edge_assets.onboarding.checking.served import latency_p95_ms, load_served
from edge_assets.onboarding.threads import one_thread
from edge_assets.onnx_session import feeds, run
from edge_assets.served_folder import served_files

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 20_000
_TWICE_ROWS = 600
"""Rows that are trained on twice: the same rows must give the same model."""
_BATCHES = (1, 7)
_PROBES = 200
_GOLDEN_FROM = 500


class _StopError(Exception):
    """A step failed on which all that follow depend."""


@dataclass
class _Work:
    """What the steps have made so far."""

    model: EdgeModel
    rows: int
    outcomes: list[Outcome] = field(default_factory=list)
    parts: Split | None = None
    trained: Any = None
    onnx: bytes = b""

    @property
    def config(self) -> ModelConfig:
        return self.model.config


def check_model(
    folder: Path, *, rows: int | None = None, own_tests: bool = True
) -> Iterator[Outcome]:
    """Every check of the model in `folder`, one after the other, as far as they can go.

    `rows` is how many sample rows are made, by default what `sample.rows` says, at most 20,000.
    Nothing is written, and nothing of the chain is touched.
    """
    try:
        model = EdgeModel.load(folder)
    except Exception as error:
        yield failed("model.yaml", error, folder)
        return
    if model.config.name != folder.resolve().name:
        text = f"it names the edge model {model.config.name}, and its folder is "
        text += f"{folder.resolve().name}: the chain takes a model only where both are the same"
        yield Outcome("model.yaml", "FAILED", text)
        return
    count = len(model.config.data.columns)
    text = f"{count} column{'s' * (count != 1)}, all keys known"
    yield Outcome("model.yaml", "ok", text)
    work = _Work(model, rows or min(model.config.sample.rows, MAX_ROWS))
    steps: tuple[Callable[[_Work], Iterator[Outcome]], ...] = (
        _functions,
        _data,
        _training,
        _floors,
        _conversion,
        _serving,
    )
    for step in steps:
        name = step.__name__.strip("_")
        try:
            with one_thread():
                yield from step(work)
        except _StopError:
            return
        except Exception as error:  # whatever a model's functions do
            before = ""
            if step is _training and work.parts is not None:
                columns = list(map(str, work.parts.train.columns))
                before = lost_feature(model.config.data.features, columns)
            yield failed(name, error, folder, before)
            return
    if own_tests:
        yield from run_own_tests(folder)


def _functions(work: _Work) -> Iterator[Outcome]:
    found, loaded, trouble = import_alone(work.model.folder)
    yield judged("functions", trouble, ", ".join(found) or "none, the factory does every step")
    if trouble:
        raise _StopError
    _ = work.model.flavour  # a flavour that is not installed is told before anything is tried
    yield judged("imports", judge_imports(loaded), "no Dagster, no Azure")
    if "train" not in found and work.config.flavour != "onnx":
        yield Outcome("train", "FAILED", "there is no function train in train.py")
        raise _StopError


def _data(work: _Work) -> Iterator[Outcome]:
    model, config = work.model, work.config
    if model.own("sample") is None:
        text = "there is no sample.py, so no labelled rows: made-up inputs stand in below"
        yield Outcome("sample", "not proven", text)
        return
    try:
        made, again = (model.sample(work.rows, 1, "none") for _ in range(2))
        raw, twice = as_rows(model, made), as_rows(model, again)
    except Exception as error:
        yield failed("sample", error, model.folder)
        raise _StopError from None
    trouble = "" if raw.equals(twice) else "the same seed gives other rows"
    if len(raw) != work.rows:
        trouble = f"{len(raw)} rows came, {work.rows} were asked for"
    yield judged("sample", trouble, f"{len(raw)} rows, the same for the same seed")
    try:
        raw = delivered(model, made)
    except Exception as error:
        yield failed("delivery", error, model.folder, "the chain would refuse sample rows: ")
        raise _StopError from None
    raw, said = own_rows(model, raw)
    yield judged("delivery", said, "the chain takes sample rows, and reads them")
    if said:
        raise _StopError
    try:
        prepared = model.prepare(raw)
    except Exception as error:
        yield failed("prepare", error, model.folder)
        raise _StopError from None
    trouble = judge_prepared(raw, prepared, config)
    if not trouble and not prepared.kept.equals(model.prepare(raw).kept):
        trouble = "the same rows are prepared differently the second time"
    yield judged("prepare", trouble, f"{len(prepared.kept)} of {len(raw)} rows kept, none lost")
    if trouble:
        raise _StopError
    yield _bad_rows(model, raw)
    work.parts = split(
        prepared.kept,
        columns=list(config.data.inputs),
        share=config.holdout.share,
        seed=config.holdout.seed,
    )
    yield _leakage(config, work.parts)


def _bad_rows(model: EdgeModel, raw: "pd.DataFrame") -> Outcome:
    images = model.config.data.kind == "images"
    spoiled = spoil(raw, ["content"], b"no image") if images else spoil(raw, list(raw.columns))
    try:
        prepared = model.prepare(spoiled)
    except Exception as error:
        return failed("bad rows", error, model.folder, "unreadable cells stop it: ")
    return judged(
        "bad rows",
        judge_bad_rows(spoiled, prepared),
        f"unreadable ones are set aside: {next(iter(prepared.reasons), '')}",
    )


def _leakage(config: ModelConfig, parts: Split) -> Outcome:
    from edge_assets.core.leakage import find_leakage

    findings = find_leakage(
        parts.train,
        parts.holdout,
        features=config.data.seen,
        inputs=list(config.data.inputs),
        target=config.prediction.target,
        forbidden=config.data.leaking,
        key_columns=list(config.data.inputs),
        classes=config.prediction.classes,
    )
    trouble = "; ".join(f"{finding.subject}: {finding.detail}" for finding in findings)
    return judged("leakage", trouble, "no column, no row gives the answer away", gate=True)


def _training(work: _Work) -> Iterator[Outcome]:
    model = work.model
    if work.parts is None:
        if work.config.flavour != "onnx":
            yield Outcome("train", "FAILED", "without sample rows nothing can be trained")
            raise _StopError
        asked = probe_rows(work.config, _PROBES)
        work.trained = model.train(asked)
        yield _predicted(work, asked)
        return
    train, holdout = work.parts
    if train.empty or holdout.empty:
        text = f"{len(train)} rows to train on and {len(holdout)} held out: ask for more --rows"
        yield Outcome("train", "FAILED", text)
        raise _StopError
    started = time.monotonic()
    work.trained = model.train(train)
    seconds = time.monotonic() - started
    some = train.head(_TWICE_ROWS)
    first, second = (model.train(some) for _ in range(2))
    asked = holdout.head(_TWICE_ROWS)
    if set(map(str, some[work.config.prediction.target].unique())) >= set(
        map(str, work.config.prediction.classes)
    ):
        trouble = same_outputs(model.predict(first, asked), model.predict(second, asked))
    else:  # some class is not among the first rows
        trouble = same_outputs(
            model.predict(work.trained, asked), model.predict(model.train(train), asked)
        )
    reason = f"trained twice on the same rows: {trouble}" if trouble else ""
    yield judged("train", reason, f"{len(train)} rows in {seconds:.1f} s, the same every time")
    loaded = model.load_trained(model.dump(work.trained))
    trouble = same_outputs(model.predict(work.trained, asked), model.predict(loaded, asked))
    yield judged("store", trouble, "stored, loaded again without unpickling, and the same")
    outcome = _predicted(work, holdout)
    yield outcome
    if outcome.failed:
        raise _StopError


def _predicted(work: _Work, rows: "pd.DataFrame") -> Outcome:
    outputs = work.model.predict(work.trained, rows)
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
    return judged("predict", judge_outputs(outputs, len(rows), work.config), shapes)


def _floors(work: _Work) -> Iterator[Outcome]:
    if work.parts is None:
        text = "no labelled rows: whether its answers are right is not known to anybody here"
        yield Outcome("floors", "not proven", text, gate=True)
        return
    metrics = work.model.evaluate(work.trained, work.parts.holdout)
    verdict = judge_floors(metrics, work.config.floors)
    trouble = judge_floor_names(metrics, work.config.floors)
    trouble = "" if verdict.passed else "; ".join(filter(None, (verdict.reason, trouble)))
    yield judged("floors", trouble, told(metrics), gate=True)


def _conversion(work: _Work) -> Iterator[Outcome]:
    model, config = work.model, work.config
    work.onnx = model.to_onnx(work.trained)
    same = work.onnx == model.to_onnx(work.trained)
    size = f"{len(work.onnx)} of {config.budget.model_bytes} bytes"
    yield judged("to_onnx", "" if same else "the same model gives other bytes", "the same bytes")
    yield judged(
        "size", "" if len(work.onnx) <= config.budget.model_bytes else size, size, gate=True
    )
    rows = _asked(work)
    for name, asked in (("parity", rows), ("edges", edge_rows(config, rows))):
        if not len(asked):
            yield Outcome(
                name, "not proven", "nothing is bounded, unknown or of a free size", gate=True
            )
            continue
        try:
            both = model.predict(work.trained, asked), run(config, work.onnx, asked)
        except Exception as error:
            text = failing_edge(
                config,
                rows,
                lambda one: (model.predict(work.trained, one), run(config, work.onnx, one)),
            )
            if name != "edges" or not text:
                raise
            yield Outcome(name, "FAILED", f"{text}: {told_of(error, model.folder)}", gate=True)
            continue
        verdict = parity_of(*both, config)
        text = f"{verdict.reason}; largest difference {verdict.max_abs:.2g}"
        yield judged(name, "" if verdict.passed else text, text, gate=True)
    whole = run(config, work.onnx, rows)
    for size_of_batch in _BATCHES:
        part = rows.head(size_of_batch)
        answers = run(config, work.onnx, part)
        verdict = parity_of(part_of(whole, slice(0, len(part))), answers, config)
        if not verdict.passed:
            text = f"{len(part)} rows asked together: {verdict.reason}"
            yield Outcome("batches", "FAILED", text, gate=True)
            return
    sizes = " and ".join(map(str, _BATCHES))
    yield Outcome("batches", "ok", f"{sizes} rows at once get the same answers", gate=True)


def _serving(work: _Work) -> Iterator[Outcome]:
    model, config = work.model, work.config
    rows = _asked(work).head(_GOLDEN_FROM)
    expected, actual = model.predict(work.trained, rows), run(config, work.onnx, rows)
    files = served_files(model, work.trained, work.onnx, rows, expected, actual)
    good, text = load_served(files)
    yield judged("served", "" if good else text, text, gate=True)
    questions = [next(iter(feeds(config, rows.iloc[[n]])))[1] for n in range(min(20, len(rows)))]
    if not good:
        return
    took, granted = latency_p95_ms(files, questions), config.budget.latency_p95_ms
    text = f"p95 of one row {took:.3f} ms on this machine, {granted:g} ms granted"
    yield judged("latency", "" if took <= granted else text, text, gate=True)


def _asked(work: _Work) -> "pd.DataFrame":
    """The rows that are asked about: those held out, or made-up ones where there are none."""
    return probe_rows(work.config, _PROBES) if work.parts is None else work.parts.holdout
