"""`python -m edge.local_hub --state DIR [--port N]`; secrets from the environment."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from edge.local_hub.server import HubInfo, serve
from edge.local_hub.settings import HubSettings
from protos.errors import EdgeAssetsError


@click.command()
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Of HTTPS.")
def main(state: Path, port: int | None) -> None:
    """A local IoT Hub and container registry, on loopback only.

    The environment holds EDGE_HUB_KEY (base64 key of the policy iothubowner) and
    EDGE_REGISTRY_PASSWORD (of the user `edge`, for pushing).
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_run(HubSettings.from_environment(state, port)))
    except EdgeAssetsError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


async def _run(settings: HubSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C ends asyncio.run itself
            loop.add_signal_handler(number, stop.set)
    await serve(settings, stop, _ready)


def _ready(info: HubInfo) -> None:
    click.echo(f"ready: https://{info.host}, MQTT {info.gateway}")


if __name__ == "__main__":
    main()
