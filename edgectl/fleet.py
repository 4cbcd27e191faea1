"""`edgectl fleet`: create and look at devices."""

from dataclasses import asdict

import click

from edgectl.models import chosen_model, model_option, shown_models
from edgectl.output import emit, following, json_option, progress
from edgectl.seeding import DEFAULT_RINGS, DeviceSeed, known_models, planned_fleet, seed_fleet
from protos.errors import NotFound


def parse_rings(context: click.Context, parameter: click.Parameter, text: str) -> dict[str, int]:
    """The callback of `--rings`: `canary=1,early=2` as ring -> number of devices."""
    found: dict[str, int] = {}
    for part in text.split(","):
        ring, equals, count = part.strip().partition("=")
        if not equals or not ring or not count.isdigit() or ring in found:
            raise click.BadParameter("write it as canary=1,early=2,broad=3, each ring once")
        found[ring] = int(count)
    if not 1 <= sum(found.values()) <= 1000:
        raise click.BadParameter("a simulated fleet has 1 to 1000 devices")
    return found


@click.group()
def fleet() -> None:
    """Create and look at devices."""


@fleet.command(
    epilog="\b\nExamples:\n  edgectl fleet create\n"
    "  edgectl fleet create --rings canary=2,early=5,broad=20 --prefix van"
)
@click.option(
    "--rings",
    callback=parse_rings,
    default=",".join(f"{ring}={count}" for ring, count in DEFAULT_RINGS.items()),
    show_default=True,
    help="Devices in each ring.",
)
@click.option("--prefix", default="line", show_default=True, help="Beginning of the names.")
@click.option("--model", "models", multiple=True, help="Edge models meant for them; default all.")
@json_option
def create(rings: dict[str, int], prefix: str, models: tuple[str, ...], as_json: bool) -> None:
    """Make devices with keys and tags, and the deployment below all. Safe to repeat."""
    from resources.hub import Hub
    from resources.settings import load_settings

    settings = load_settings()
    names = [chosen_model(model) for model in models] or known_models()
    devices = planned_fleet(rings, names, prefix)
    hub = Hub.from_settings(settings)
    before = {twin.device_id: twin.tags.get("models") or {} for twin in hub.devices()}
    new = set(seed_fleet(hub, settings.required_fleet_key(), devices))
    added = {
        d.id: [m for m in d.models if before.get(d.id, {}).get(m) != "on"]
        for d in devices
        if d.id not in new
    }
    data = [
        {
            "device": d.id,
            "ring": d.ring,
            "site": d.site,
            "new": d.id in new,
            "models_added": added.get(d.id, []),
        }
        for d in devices
    ]

    def what(device: DeviceSeed) -> str:
        tags = ", ".join(f"models.{name}" for name in added.get(device.id, []))
        return "created" if device.id in new else f"was there{tags and f', added the tag {tags}'}"

    emit(data, as_json, lambda: "\n".join(f"{d.id}  {d.ring}  {what(d)}" for d in devices))
    if new:
        progress("Simulated devices start with the next `edgectl up`.")
    following("edgectl fleet list")


@fleet.command(
    "list",
    epilog="\b\nExamples:\n  edgectl fleet list --ring canary\n"
    "  edgectl fleet list --json | jq '.[] | select(.state != \"running\")'",
)
@model_option
@click.option("--ring", default=None, help="Only this ring.")
@json_option
def list_devices(model: str | None, ring: str | None, as_json: bool) -> None:
    """What each device should run, says it runs, and has proven to run."""
    from edgectl.fleet_view import as_table, natural, row
    from resources.hub import Hub
    from resources.settings import load_settings

    hub = Hub.from_settings(load_settings())
    rows = [row(device, name) for name in shown_models(model) for device in hub.observe(name)]
    rows = [row for row in rows if ring is None or row.ring == ring]
    rows.sort(key=lambda row: natural(row.device))
    emit([asdict(row) for row in rows], as_json, lambda: as_table(rows))
    if not rows:
        following("edgectl fleet create")


@fleet.command(epilog="\b\nExample:\n  edgectl fleet show line-1")
@click.argument("device")
@model_option
@json_option
def show(device: str, model: str | None, as_json: bool) -> None:
    """Everything that is known of DEVICE."""
    from edgectl.fleet_view import as_data, as_text
    from resources.hub import Hub
    from resources.settings import load_settings

    name = chosen_model(model)
    found = next(
        (d for d in Hub.from_settings(load_settings()).observe(name) if d.device_id == device),
        None,
    )
    if found is None:
        raise NotFound(
            f"there is no device '{device}'", remedy="see `edgectl fleet list` for their names"
        )
    emit(as_data(found, name), as_json, lambda: as_text(found, name))
    following(f"edgectl why {device}")
