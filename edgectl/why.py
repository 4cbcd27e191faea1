"""`edgectl why DEVICE`: from what a device serves back to the raw rows it was learned from."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edgectl.models import chosen_model, deployed_models, model_option
from edgectl.output import emit, following, json_option
from protos.errors import NotFound

if TYPE_CHECKING:
    from edge_assets.why import Link


@click.command(epilog="\b\nExample:\n  edgectl why line-1")
@click.argument("device")
@model_option
@json_option
def why(device: str, model: str | None, as_json: bool) -> None:
    """Device -> image -> ONNX -> model -> dataset -> batches of DEVICE, with all digests."""
    from edge_assets.why import explain
    from resources.platform import Platform

    platform = Platform()
    name = chosen_model(model, lambda: deployed_models(platform.hub))
    fleet = {found.device_id: found for found in platform.hub.observe(name)}
    if device not in fleet:
        raise NotFound(
            f"the hub knows no device {device}", remedy="see the fleet with: edgectl fleet list"
        )
    links = explain(fleet[device], name, platform.artifacts)
    emit(
        [asdict(link) for link in links],
        as_json,
        lambda: "\n".join(
            f"{'  ' * depth}{'-> ' if depth else ''}{link.kind}  {link.digest}\n"
            f"{'  ' * depth}{'   ' if depth else ''}{link.detail}"
            for depth, link in _indented(links)
        ),
    )
    following(f"edgectl fleet show {device}")


def _indented(links: "Sequence[Link]") -> "list[tuple[int, Link]]":
    """Each link with its depth; the batches of a dataset stand side by side."""
    kinds: list[str] = []
    found = []
    for link in links:
        if link.kind not in kinds:
            kinds.append(link.kind)
        found.append((kinds.index(link.kind), link))
    return found
