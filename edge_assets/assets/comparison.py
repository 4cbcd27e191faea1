"""`comparison[window]`: whether the candidate was better than the champion on live traffic.

Made on demand, not by automation: labels come weeks after the answers, and nobody but the one who
compares knows when enough of them are there. Made again later, the same window has more labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from edge_assets.chain import Chain
from edge_assets.core.windows import Window
from edge_assets.frames import get_frame, put_frame
from edge_assets.late_labels import late_labels, learned_batches
from edge_assets.lineage import follow, gate, newest, required, result
from protos.errors import NotFound
from resources.platform import Platform

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.core.comparison import Comparison, Rules, Side

_REMEMBERED = 200
"""How many materializations of `onnx_model` are looked through for a digest that devices served."""


class ComparisonConfig(dg.Config):
    """How the two were compared: `shadow`, `split`, or by what is in the window (`auto`).

    `candidate` is the digest of the ONNX artifact; by default the one with the most rows.
    """

    mode: str = "auto"
    candidate: str = ""


@dataclass(frozen=True)
class _Traffic:
    """The answers of one window: shadow pairs, or captures of the two digests."""

    mode: Literal["shadow", "split"]
    champion: str
    candidate: str
    frame: "pd.DataFrame"
    counts: Mapping[str, int]


def build(chain: Chain) -> dg.AssetsDefinition:
    """The asset `<model>/comparison`, one partition a window."""

    @chain.asset(
        "comparison",
        {"parquet"},
        (
            "Champion and candidate on the traffic of a window: asked the same in the shadow, or "
            "each asked on devices of its own. Labels come from batches that neither of them "
            "learned from. Materialize it again when more labels came."
        ),
        deps=["captures", "onnx_model", "release", "raw_batch"],
        partitions=chain.windows,
        checks=[
            chain.check(
                "comparison",
                "promotion",
                "The candidate is better, beyond chance, on live traffic.",
            )
        ],
    )
    def comparison(
        context: dg.AssetExecutionContext,
        config: ComparisonConfig,
        platform: dg.ResourceParam[Platform],
    ) -> dg.MaterializeResult:
        store, window = platform.artifacts, context.partition_key
        release = required(context.instance, chain.key("release"))
        known = _artifacts(context.instance, chain, platform)
        captures = newest(context.instance, chain.key("captures"), window)
        traffic = _traffic(chain, platform, config, window, captures, release)
        strangers = [d for d in (traffic.champion, traffic.candidate) if d not in known]
        if strangers:
            raise NotFound(
                f"{strangers[0]} answered, and this chain never made it",
                why=f"it is none of the last {_REMEMBERED} artifacts of {chain.name}",
                remedy="compare artifacts that this chain made: only then it is known what they "
                "learned from",
            )
        learned = learned_batches(store, known[traffic.champion], known[traffic.candidate])
        labels, batches = late_labels(context.instance, chain, store, learned)
        found, rows = compare(chain, traffic, labels, rules_of(chain))
        verdict = gate(found.verdict == "better", f"{found.verdict}: {found.reason}")
        document = {
            "kind": "comparison",
            "model": chain.name,
            "window": window,
            "inputs": {
                "release": release,
                "champion": known[traffic.champion],
                "candidate": known[traffic.candidate],
                "raw_batch": batches,
                **({"captures": captures} if captures else {}),
            },
            "champion_digest": traffic.champion,
            "candidate_digest": traffic.candidate,
            "rows_compared": put_frame(store, rows),
            "counts": dict(traffic.counts),
            **found.to_json(),
            "gates": {"promotion": verdict},
        }
        check = chain.checked(
            "comparison", "promotion", verdict["passed"], {"reason": verdict["reason"]}
        )
        return result(store, document, _metadata(found, traffic), checks=[check])

    return comparison


def rules_of(chain: Chain) -> "Rules":
    """The rules of the champion gate in `model.yaml`, for live traffic."""
    from edge_assets.core.comparison import Rules

    rule = chain.config.champion
    return Rules(
        confidence=rule.confidence,
        min_units=rule.min_rows,
        min_gain=rule.min_gain,
        resamples=rule.resamples,
        seed=rule.seed,
    )


def compare(
    chain: Chain, traffic: _Traffic, labels: Mapping[str, Any], rules: "Rules"
) -> tuple["Comparison", "pd.DataFrame"]:
    """The verdict on the traffic, and the rows that it is made of, with their labels."""
    from edge_assets.core.captures import INPUT, inputs_of
    from edge_assets.core.comparison import compare_groups, compare_pairs
    from edge_assets.core.comparison_records import CANDIDATE, CHAMPION
    from edge_assets.core.comparison_sides import agreeing, hashes_of, outputs_at

    prediction, frame = chain.config.prediction, traffic.frame
    if traffic.mode == "shadow":
        rows = frame.assign(label=_found(labels, frame["input"].tolist()))
        units = (rows["device"] + "/" + rows["request_id"]).tolist()
        champion, candidate = (outputs_at(rows, s, prediction) for s in (CHAMPION, CANDIDATE))
        # Latency is known of both for the questions that were put to both at the same time.
        timed = rows["champion_ms"].notna()
        times = [rows[f"{who}_ms"].where(timed).tolist() for who in ("champion", "candidate")]
        sides = [
            _side(chain, outputs, units, milliseconds, rows["label"].tolist())
            for outputs, milliseconds in zip((champion, candidate), times, strict=True)
        ]
        agree = agreeing(champion, candidate, prediction)
        return compare_pairs(sides[0], sides[1], agree, rules), rows
    images = chain.config.data.kind == "images"
    keys = [""] * len(frame) if images else hashes_of(inputs_of(frame), chain.config.data)
    rows = frame[[name for name in frame.columns if not str(name).startswith(INPUT)]]
    rows = rows.assign(input=keys, label=_found(labels, keys))
    sides = []
    for digest in (traffic.champion, traffic.candidate):
        own = rows[rows["model_digest"] == digest]
        nobody = [float("nan")] * len(own)  # captures do not tell how long an answer took
        outputs = outputs_at(own, "output.", prediction)
        sides.append(_side(chain, outputs, own["device"].tolist(), nobody, own["label"].tolist()))
    return compare_groups(sides[0], sides[1], rules), rows


def _found(labels: Mapping[str, Any], keys: list[str]) -> "pd.Series":
    import pandas as pd

    return pd.Series([labels.get(key) for key in keys], dtype=object)


def _side(
    chain: Chain, outputs: Any, units: list[str], milliseconds: list[float], labels: list[Any]
) -> "Side":
    from edge_assets.core.comparison_sides import side_of

    # A column of labels with gaps comes back as NaN where there was None.
    told = [None if label is None or label != label else label for label in labels]
    return side_of(outputs, units, milliseconds, told, chain.config.prediction, chain.model.errors)


def _traffic(
    chain: Chain,
    platform: Platform,
    config: ComparisonConfig,
    window: str,
    captures: str | None,
    release: str,
) -> _Traffic:
    """The answers of the window, by the mode that is asked for or that there is traffic for."""
    if config.mode in ("auto", "shadow"):
        found = _shadow(chain, platform, config, window)
        if found is not None:
            return found
    if config.mode in ("auto", "split") and captures is not None:
        found = _split(platform, config, captures, release)
        if found is not None:
            return found
    raise NotFound(
        f"nothing is to be compared in {window}",
        why=f"devices sent no {config.mode if config.mode != 'auto' else 'shadow or split'} "
        "answers of a champion and a candidate in it",
        remedy=f"edgectl compare start {chain.name} --mode shadow, and choose a window after it",
    )


def _shadow(
    chain: Chain, platform: Platform, config: ComparisonConfig, window: str
) -> _Traffic | None:
    from edge_assets.core.comparison_records import parse_pairs

    span = Window.parse(window)
    lag = timedelta(seconds=platform.settings.telemetry_lag_seconds)
    telemetry = platform.telemetry
    lines = telemetry.lines(telemetry.files(span.start, span.end, lag))
    pairs = parse_pairs(lines, model=chain.name, start=span.start, end=span.end)
    frame = pairs.frame
    if config.candidate:
        frame = frame[frame["candidate_digest"] == config.candidate]
    if frame.empty:
        return None
    sizes = frame.groupby(["champion_digest", "candidate_digest"]).size()
    champion, candidate = sizes.index[int(sizes.to_numpy().argmax())]
    own = (frame["champion_digest"] == champion) & (frame["candidate_digest"] == candidate)
    counts = {
        "duplicates": pairs.duplicates,
        "malformed": pairs.malformed,
        "over_limit": pairs.over_limit,
        "of other models": int((~own).sum()),
        **{f"on devices: {cause}": count for cause, count in pairs.lost.items()},
    }
    chosen = frame[own].reset_index(drop=True)
    return _Traffic("shadow", str(champion), str(candidate), chosen, counts)


def _split(
    platform: Platform, config: ComparisonConfig, captures: str, release: str
) -> _Traffic | None:
    store = platform.artifacts
    frame = get_frame(store, store.get_document(captures)["rows"])
    champion = store.get_document(release)["model_digest"]
    others = frame[frame["model_digest"] != champion]
    if config.candidate:
        others = others[others["model_digest"] == config.candidate]
    if others.empty or len(others) == len(frame):
        return None
    candidate = str(others["model_digest"].value_counts().idxmax())
    both = frame["model_digest"].isin([champion, candidate])
    counts = {"of other models": int((~both).sum())}
    return _Traffic("split", champion, candidate, frame[both].reset_index(drop=True), counts)


def _artifacts(instance: dg.DagsterInstance, chain: Chain, platform: Platform) -> dict[str, str]:
    """Digest of the ONNX artifact -> digest of its newest document."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(chain.key("onnx_model")), limit=_REMEMBERED
    ).records
    found: dict[str, str] = {}
    for record in records:  # newest first
        event = record.asset_materialization
        if event is not None and "document" in event.metadata:
            digest = str(event.metadata["document"].value)
            found.setdefault(platform.artifacts.get_document(digest)["onnx"], digest)
    for asset in ("container_image", "release"):  # one that was handed on was never made here
        newest_one = newest(instance, chain.key(asset))
        for digest, document in follow(platform.artifacts, newest_one) if newest_one else ():
            if document["kind"] == "onnx_model":
                found.setdefault(document["onnx"], digest)
    return found


def _metadata(found: "Comparison", traffic: _Traffic) -> dict[str, Any]:
    from edge_assets.plots_of_comparison import gain_of_candidate

    def text(interval: Any, form: str = ".4g") -> str:
        if interval is None:
            return "not known"
        return f"{interval.estimate:{form}} ({interval.lower:{form}} to {interval.upper:{form}})"

    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "mode": found.mode,
        "champion": traffic.champion,
        "candidate": traffic.candidate,
        "dagster/row_count": sum(found.rows) if found.mode == "split" else found.rows[0],
        "units (champion, candidate)": "{}, {}".format(*found.units),
        "labelled units (champion, candidate)": "{}, {}".format(*found.labelled),
        "gain": text(found.gain, ".2%"),
        "same answer": text(found.agreement, ".2%"),
        "difference of the answers": text(found.difference),
        "difference of latency (ms)": text(found.latency_ms),
        **{name: count for name, count in traffic.counts.items() if count},
        "picture": dg.MetadataValue.md(gain_of_candidate(found)),
    }
