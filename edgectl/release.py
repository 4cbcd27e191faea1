"""`edgectl release` and `edgectl rollout`: approve an image, and bring it to the fleet."""

from typing import TYPE_CHECKING, Any

import click

from edgectl.output import emit, following, json_option, progress, table
from edgectl.release_files import export_command, import_command
from protos.errors import ApprovalMissing, EdgeAssetsError, NotFound, RolloutFailed

if TYPE_CHECKING:
    from resources.platform import Platform


@click.group()
def release() -> None:
    """Approve, list and hand on releases."""


release.add_command(export_command)
release.add_command(import_command)


@release.command(
    epilog="\b\nExample:\n"
    '  edgectl release approve nyc_taxi --by "Ada Lovelace" --reason "better on long trips"'
)
@click.argument("model")
@click.option("--by", "approver", required=True, help="Who approves; kept with the release.")
@click.option("--reason", required=True, help="Why; kept with the release.")
@click.option("--image", default=None, help="Digest that is approved; default the newest image.")
@json_option
def approve(model: str, approver: str, reason: str, image: str | None, as_json: bool) -> None:
    """Approve the newest image of MODEL. Refused (exit 3) when any gate behind it is closed."""
    _decide(model, "approve", approver, reason, image, as_json)


@release.command()
@click.argument("model")
@click.option("--by", "approver", required=True, help="Who rejects.")
@click.option("--reason", required=True, help="Why.")
@json_option
def reject(model: str, approver: str, reason: str, as_json: bool) -> None:
    """Reject the newest image of MODEL; the decision is recorded as a failed run (exit 3)."""
    _decide(model, "reject", approver, reason, None, as_json)


def _decide(
    model: str, decision: str, approver: str, reason: str, image: str | None, as_json: bool
) -> None:
    from edge_assets.lineage import required
    from edge_assets.operate import failure, materialize
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    chain, store = bench.chain, bench.platform.artifacts
    try:
        newest = store.get_document(required(bench.instance, chain.key("container_image")))
    except NotFound:
        raise NotFound(
            f"{model} has no image that could be approved yet",
            remedy=f"deliver data (edgectl data sample {model}) and give Dagster a minute; "
            "its UI shows how far it is, and what stopped it",
        ) from None
    progress(f"{decision}: image {image or newest['image']}")
    run = materialize(
        bench.definitions,
        bench.instance,
        [chain.key("release")],
        config={
            "approver": approver,
            "decision": decision,
            "reason": reason,
            "image_digest": image or newest["image"],
        },
        tags={"trigger": "edgectl", "edge-model": model},
    )
    refused = failure(run)
    if refused is not None:
        raise refused
    made = store.get_document(required(bench.instance, chain.key("release")))
    emit(made, as_json, lambda: _text(made))
    _warn_if_untargeted(bench.platform, model)
    following(
        "edgectl fleet list    Dagster's automation rolls it out",
        f"edgectl rollout start {model}    without Dagster running",
    )


def _warn_if_untargeted(platform: "Platform", model: str) -> None:
    """Says it now if the rollout will be refused; the release is made, whatever the hub answers."""
    from edge_assets.core.rollout import refuse_untargeted

    try:
        refuse_untargeted(model, platform.hub.observe(model))
    except RolloutFailed as refused:
        progress(f"warning: its rollout will be refused: {refused.why}")
        progress(f"  remedy: {refused.remedy}")
    except EdgeAssetsError:
        return  # the hub is not there, or not set: the rollout says so


def _text(made: dict[str, Any]) -> str:
    return table(
        ("release", "image", "model", "approved by", "reason"),
        [
            (
                made["number"],
                made["image"],
                made["model_digest"],
                made["approver"],
                made["reason"],
            )
        ],
    )


@release.command("list")
@click.argument("model")
@json_option
def list_releases(model: str, as_json: bool) -> None:
    """All releases of MODEL, newest first."""
    from edge_assets.lineage import newest
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    found: list[dict[str, Any]] = []
    digest = newest(bench.instance, bench.chain.key("release"))
    while digest:
        document = bench.platform.artifacts.get_document(digest)
        found.append({"digest": digest, **document})
        digest = document["previous"]
    rows = [
        (made["number"], made["digest"], made["image"], made["approver"], made["time"])
        for made in found
    ]
    headers = ("release", "digest", "image", "approved by", "time")
    emit(found, as_json, lambda: table(headers, rows) if rows else f"{model} has no release yet")


@click.group()
def rollout() -> None:
    """Plan, start and watch rollouts."""


@rollout.command()
@click.argument("model")
@json_option
def plan(model: str, as_json: bool) -> None:
    """What the rollout of the newest release of MODEL would do next, and why. Changes nothing."""
    from datetime import UTC, datetime

    from edge_assets.core.rollout import decide, refuse_untargeted
    from edge_assets.lineage import newest
    from edge_assets.release_manifest import release_of
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    chain, platform = bench.chain, bench.platform
    digest = newest(bench.instance, chain.key("release"))
    if digest is None:
        raise ApprovalMissing(
            f"{model} has no release, so there is nothing to roll out",
            remedy=f"edgectl release approve {model} --by NAME --reason TEXT",
        )
    document = platform.artifacts.get_document(digest)
    fleet = platform.hub.observe(model)
    refuse_untargeted(model, fleet)
    expected = release_of(chain, platform.settings.registry, digest, document)
    known = platform.hub.find_configuration(expected.configuration)
    decision = decide(
        expected,
        platform.settings.rings(chain.config.rollout.rings),
        fleet,
        known.labels if known else None,
        datetime.now(UTC),
    )
    data = {
        "configuration": expected.configuration,
        "action": decision.action,
        "ring": decision.ring,
        "reason": decision.reason,
        "devices": [
            {"device": v.device, "ring": v.ring, "state": v.state, "reason": v.reason}
            for v in decision.verdicts
        ],
    }
    rows = [(v.device, v.ring, v.state, v.reason) for v in decision.verdicts]
    emit(
        data,
        as_json,
        lambda: "\n".join(
            [
                f"{expected.configuration}: {decision.action} ({decision.reason})",
                *([table(("device", "ring", "state", "reason"), rows)] if rows else []),
            ]
        ),
    )
    if decision.action == "finish":
        following("edgectl fleet list")
    else:
        following(f"edgectl rollout start {model}")


@rollout.command()
@click.argument("model")
@click.option("--release", "chosen", default="", help="Digest of an earlier release, to go back.")
@json_option
def start(model: str, chosen: str, as_json: bool) -> None:
    """Bring the approved release of MODEL to the fleet, ring by ring; goes on where it stood."""
    from edge_assets.lineage import required
    from edge_assets.operate import failure, materialize
    from edgectl.chain import open_workbench

    bench = open_workbench(model)
    chain = bench.chain
    progress("rolling out; each step stands in the hub, so Ctrl-C loses nothing")
    run = materialize(
        bench.definitions,
        bench.instance,
        [chain.key("rollout")],
        config={"release": chosen},
        tags={"trigger": "edgectl", "edge-model": model},
    )
    closed = failure(run)
    if closed is not None:
        raise closed
    made = bench.platform.artifacts.get_document(required(bench.instance, chain.key("rollout")))
    if not made["proven"]:
        raise NotFound(f"no device of {model} was proven")
    order = [ring.name for ring in chain.config.rollout.rings]
    proven = {ring: made["proven"][ring] for ring in order}
    rows = [(ring, len(devices), ", ".join(devices)) for ring, devices in proven.items()]
    emit(made, as_json, lambda: table(("ring", "proven", "devices"), rows))
    following("edgectl fleet list", f"edgectl why {next(d[0] for d in proven.values() if d)}")
