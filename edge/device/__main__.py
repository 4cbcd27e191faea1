"""`python -m edge.device`: a fleet of simulated devices, until SIGTERM."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from edge.device.config import AgentConfig
from edge.device.fleet import FleetSettings, running_fleet
from edge.device.launch import HubAddress
from edge.runtime import best_runtime
from protos.errors import EdgeAssetsError

_SHOW_SECONDS = 0.5


@click.command()
@click.option("--state", type=click.Path(path_type=Path), required=True, help="folder of the fleet")
@click.option("--devices", required=True, help="names of the devices, with commas between")
@click.option("--hub", required=True, help="host name of the hub, with its port if not 443")
@click.option("--gateway", required=True, help="address that MQTT connects to, at port 8883")
@click.option("--ca", type=click.Path(path_type=Path, exists=True), help="CA of hub and registry")
@click.option("--backoff-seconds", default=10.0, show_default=True, help="first back-off")
@click.option("--heartbeat-seconds", default=10.0, show_default=True, help="longest silence")
@click.option("--verbose", is_flag=True, help="log more")
def main(
    state: Path,
    devices: str,
    hub: str,
    gateway: str,
    ca: Path | None,
    backoff_seconds: float,
    heartbeat_seconds: float,
    verbose: bool,
) -> None:
    """Runs simulated IoT Edge devices. The group key is taken from EDGE_FLEET_KEY."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # The SDK logs every lost connection with a traceback; the link says the same in one line.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    settings = FleetSettings(
        state=state,
        devices=[name.strip() for name in devices.split(",") if name.strip()],
        hub=HubAddress(hub, gateway, ca.absolute() if ca else None),
        group_key=os.environ.get("EDGE_FLEET_KEY", ""),
    )
    config = AgentConfig(backoff_seconds=backoff_seconds, heartbeat_seconds=heartbeat_seconds)
    try:
        with running_fleet(settings, best_runtime(), config) as fleet:
            while not stop.wait(_SHOW_SECONDS):
                fleet.show()
    except EdgeAssetsError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    sys.stderr.flush()
    # Threads of the SDK may still wait for an answer of the hub; everything of ours is done.
    os._exit(0)


if __name__ == "__main__":
    main()
