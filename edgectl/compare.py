"""`edgectl compare`: a candidate against the champion on the traffic of devices."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from edgectl.output import emit, following, json_option, progress, table
from protos.errors import ChampionNotBeaten, NotFound

if TYPE_CHECKING:
    import dagster as dg

    from edge_assets.chain import Chain
    from edge_assets.compare_layers import Candidate
    from resources.platform import Platform


@click.group()
def compare() -> None:
    """Compare a candidate with the champion on live traffic."""


@compare.command(
    epilog="\b\nExamples:\n"
    "  edgectl compare start nyc_taxi\n"
    '  edgectl compare start nyc_taxi --mode split --share 0.3 --by "Ada" --reason "safe to try"'
)
@click.argument("model")
@click.option(
    "--mode",
    type=click.Choice(["shadow", "split"]),
    default="shadow",
    show_default=True,
    help="shadow: asked in the background; split: answers on a share of the devices.",
)
@click.option("--ring", "rings", multiple=True, help="Rings to take part; default the first.")
@click.option("--share", type=float, default=0.5, show_default=True, help="Of devices (split).")
@click.option("--by", "approver", default="", help="Who answers for it (split).")
@click.option("--reason", default="", help="Why it may answer (split).")
@json_option
def start(
    model: str,
    mode: str,
    rings: tuple[str, ...],
    share: float,
    approver: str,
    reason: str,
    as_json: bool,
) -> None:
    """Let the newest image of MODEL be compared with the released one.

    Refused (exit 3) when any gate behind the image is closed.
    """
    from edge_assets.compare_layers import LABEL, shadow_layer, split_layer

    bench = _open(model)
    chain, hub, registry = bench.chain, bench.platform.hub, bench.platform.settings.registry
    candidate = _candidate(bench)
    taking = rings or (chain.config.rollout.rings[0].name,)
    fleet = hub.observe(model)
    if mode == "shadow":
        layer = shadow_layer(chain, registry, candidate, taking, fleet)
    else:
        layer = split_layer(
            chain, registry, candidate, taking, fleet, share=share, approver=approver, reason=reason
        )
    known = hub.configurations()
    for other in known:
        if other.labels.get(LABEL) == model and other.id != layer.id:
            hub.delete_configuration(other.id)
            progress(f"ended: {other.id}")
    own = next((c for c in known if c.id == layer.id), None)
    priority = own.priority if own else max((c.priority for c in known), default=0) + 1
    hub.put_configuration(layer.id, layer.content, layer.condition, priority, layer.labels)
    told = {
        "configuration": layer.id,
        "mode": mode,
        "candidate": candidate.model_digest,
        "target_condition": layer.condition,
        "devices": list(layer.devices),
    }
    emit(told, as_json, lambda: f"{layer.id}  {', '.join(layer.devices)}")
    following(
        f"edgectl compare show {model}    when a window of captures was closed and judged",
        f"edgectl compare stop {model}",
    )


@compare.command()
@click.argument("model")
@json_option
def stop(model: str, as_json: bool) -> None:
    """End every comparison of MODEL; devices go back to the champion alone."""
    from edge_assets.compare_layers import LABEL

    hub = _open(model).platform.hub
    ended = [c.id for c in hub.configurations() if c.labels.get(LABEL) == model]
    for name in ended:
        hub.delete_configuration(name)
    emit({"ended": ended}, as_json, lambda: "\n".join(ended) or f"{model} is not compared")


@compare.command()
@click.argument("model")
@json_option
def show(model: str, as_json: bool) -> None:
    """What is compared now, and the verdict of the newest comparison of MODEL."""
    from edge_assets.compare_layers import LABEL
    from edge_assets.lineage import newest

    bench = _open(model)
    running = [
        {"configuration": c.id, "target_condition": c.target_condition, **c.labels}
        for c in bench.platform.hub.configurations()
        if c.labels.get(LABEL) == model
    ]
    digest = newest(bench.instance, bench.chain.key("comparison"))
    found = bench.platform.artifacts.get_document(digest) if digest else None
    emit({"running": running, "newest": found}, as_json, lambda: _text(model, running, found))


@compare.command()
@click.argument("model")
@click.option("--by", "approver", required=True, help="Who approves; kept with the release.")
@click.option("--reason", required=True, help="Why; kept with the release.")
@json_option
@click.pass_context
def promote(context: click.Context, model: str, approver: str, reason: str, as_json: bool) -> None:
    """Approve the newest image of MODEL if its newest comparison says `better`, else exit 3."""
    from edge_assets.lineage import newest, refuse_closed_gates
    from edgectl.release import approve

    bench = _open(model)
    candidate = _candidate(bench)
    digest = newest(bench.instance, bench.chain.key("comparison"))
    found = bench.platform.artifacts.get_document(digest) if digest else None
    if found is None or found["candidate_digest"] != candidate.model_digest:
        raise ChampionNotBeaten(
            f"the newest image of {model} was not compared with the champion on live traffic",
            why="there is no comparison"
            if found is None
            else "the newest comparison is of another",
            remedy=f"edgectl compare start {model}, then materialize comparison for a window",
        )
    refuse_closed_gates(found, "the promotion")
    context.invoke(
        approve,
        model=model,
        approver=approver,
        reason=f"{reason} (comparison {digest})",
        image=candidate.document["image"],
        as_json=as_json,
    )


@dataclass(frozen=True)
class _Bench:
    """One edge model, without the definitions of all the others: nothing is materialized here."""

    chain: "Chain"
    instance: "dg.DagsterInstance"
    platform: "Platform"


def _open(model: str) -> _Bench:
    from edge_assets.chain import Chain
    from edge_assets.core.folders import model_folder
    from edge_assets.edge_model import EdgeModel
    from edge_assets.operate import instance_at
    from resources.platform import Platform

    platform = Platform()
    chain = Chain(EdgeModel.load(model_folder(model)))
    return _Bench(chain, instance_at(platform.settings.home), platform)


def _candidate(bench: _Bench) -> "Candidate":
    """The newest image. Raises NotFound without one, or when it is the champion; GateClosed."""
    from edge_assets.compare_layers import Candidate
    from edge_assets.lineage import follow, refuse_closed_gates, required

    chain, store = bench.chain, bench.platform.artifacts
    digest = required(bench.instance, chain.key("container_image"))
    champion = store.get_document(required(bench.instance, chain.key("release")))
    documents = follow(store, digest)
    for _, document in documents:
        refuse_closed_gates(document, "the comparison")
    onnx = next(made for _, made in documents if made["kind"] == "onnx_model")
    if onnx["onnx"] == champion["model_digest"]:
        raise NotFound(
            f"{chain.name} has no candidate",
            why="the newest image holds the released model",
            remedy="train another one first: deliver data, or change the training",
        )
    return Candidate(digest, documents[0][1], onnx["onnx"])


def _text(model: str, running: list[dict[str, Any]], found: dict[str, Any] | None) -> str:
    rows = [(c["configuration"], c["mode"], c["candidate"][7:19]) for c in running]
    lines = [table(("configuration", "mode", "candidate"), rows) if rows else "nothing is compared"]
    if found is None:
        return "\n".join([*lines, f"no comparison of {model} was judged yet"])
    lines.append(f"{found['window']}: {found['verdict']}: {found['reason']}")
    for name in ("gain", "agreement", "difference", "latency_ms"):
        interval = found.get(name)
        if interval and interval["estimate"] is not None:
            low, high = (interval[side] for side in ("lower", "upper"))
            lines.append(f"  {name}: {interval['estimate']:.4g} ({_bound(low)} to {_bound(high)})")
    return "\n".join(lines)


def _bound(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.4g}"
