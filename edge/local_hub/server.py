"""The whole local hub as one coroutine: binds, serves HTTPS and MQTT, cleans up."""

import asyncio
import contextlib
import json
import logging
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn

from edge.local_hub.certificates import Certificates, issue_certificates
from edge.local_hub.documents import Documents
from edge.local_hub.files import write_atomically
from edge.local_hub.hub import Hub
from edge.local_hub.mqtt.server import MqttServer
from edge.local_hub.registry.app import registry_routes
from edge.local_hub.registry.content import Content
from edge.local_hub.registry.requests import Registry
from edge.local_hub.rest.app import make_app
from edge.local_hub.settings import (
    MQTT_PORT,
    REGISTRY_USERNAME,
    Addresses,
    HubSettings,
    choose_addresses,
)
from edge.local_hub.state import State, utc_now
from edge.local_hub.telemetry import TelemetryWriter

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HubInfo:
    """What `hub.json` tells: where the hub is. No secrets."""

    pid: int
    host: str
    gateway: str
    ca: str
    registry: str
    telemetry: str


class _Https(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


async def serve(
    settings: HubSettings, stop: asyncio.Event, ready: Callable[[HubInfo], None]
) -> None:
    """Serves until `stop` is set. Calls `ready` once everything listens and `hub.json` is there.

    Raises ConfigurationError if the state is in use or an address cannot be had.
    """
    folder = settings.state.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    documents = Documents(folder / "hub.db")
    with contextlib.closing(documents):
        addresses = choose_addresses(settings)
        with contextlib.closing(addresses):
            await _serve(settings, documents, addresses, stop, ready)


async def _serve(
    settings: HubSettings,
    documents: Documents,
    addresses: Addresses,
    stop: asyncio.Event,
    ready: Callable[[HubInfo], None],
) -> None:
    folder, host = settings.state.resolve(), f"localhost:{addresses.port}"
    certificates = issue_certificates(folder / "tls", ["localhost", "127.0.0.1", addresses.gateway])
    hub = Hub(State(documents, settings.limits, host), settings.owner_key)
    telemetry = TelemetryWriter(folder / "telemetry", "localhost", utc_now)
    mqtt = MqttServer(hub, telemetry)
    https = _https(certificates, hub, mqtt, settings)
    await mqtt.start(addresses.mqtt, _tls(certificates))
    writing = asyncio.create_task(telemetry.run())
    serving = asyncio.create_task(https.serve(sockets=[addresses.https]))
    info = HubInfo(
        os.getpid(), host, addresses.gateway, str(certificates.ca), host, str(folder / "telemetry")
    )
    try:
        while not https.started and not serving.done():
            await asyncio.sleep(0.005)
        _announce(folder / "hub.json", info)
        ready(info)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, serving, writing], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    finally:
        (folder / "hub.json").unlink(missing_ok=True)
        await mqtt.stop()
        https.should_exit = True
        await _end_connections(https, serving)
        telemetry.stop()
        await writing


async def _end_connections(https: _Https, serving: asyncio.Task[None]) -> None:
    """Lets requests end, then cuts what is left: clients that keep idle connections open."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(serving), 0.1)
    for connection in list(https.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    await serving


def _https(certificates: Certificates, hub: Hub, mqtt: MqttServer, settings: HubSettings) -> _Https:
    registry = Registry(
        Content(settings.state.resolve() / "registry", hub.state.documents),
        settings.limits,
        REGISTRY_USERNAME,
        settings.registry_password,
    )
    app = make_app(hub, mqtt, registry_routes())
    app.state.registry = registry
    config = uvicorn.Config(
        app,
        ssl_certfile=certificates.server,
        ssl_keyfile=certificates.key,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return _Https(config)


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # all that the device SDK speaks
    context.load_cert_chain(certificates.server, certificates.key)
    return context


def _announce(path: Path, info: HubInfo) -> None:
    write_atomically(path, json.dumps(asdict(info), indent=2).encode(), mode=0o644)
    logger.info("hub on https://%s, MQTT on %s:%d", info.host, info.gateway, MQTT_PORT)
