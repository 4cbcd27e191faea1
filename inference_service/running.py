"""The service put together: models, methods, transport, and what is beside them."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference_service.capture import Capture
from inference_service.config import Config
from inference_service.data_plane import DataPlane
from inference_service.description import ModelDescription
from inference_service.health import Health
from inference_service.methods import Batch, Outcome
from inference_service.repository import ModelRepository, ServedModel
from inference_service.service import SERVICE, Service
from inference_service.tls_config import HTTP1
from inference_service.transports import make_transport
from inference_service.transports.turns import Turns, cores

if TYPE_CHECKING:
    from inference_service.contracts import Contract
    from inference_service.http_face.face import HttpFace
    from inference_service.telemetry import Telemetry
    from inference_service.tls import CertificateWatch

log = logging.getLogger(__name__)

_CAPTURE_CLOSE_SECONDS = 2.0
_SPANS_CLOSE_SECONDS = 1.0


class RunningService:
    """Everything that `config` asks for: `start`, `look` from time to time, `stop`.

    Loads the models at once. Raises ConfigurationError for a setting that cannot be met.
    """

    def __init__(self, config: Config) -> None:
        self._repository = ModelRepository(
            config.model_path, config.model_digest, load_contract=_load_contract
        )
        self._capture = Capture(config.capture) if config.capture else None
        self._health = Health()
        plane = DataPlane(self._repository, self._capture)
        self._service = Service(self._repository, plane, self._health, reflection=config.reflection)
        self._certificate = _certificate(config)
        self._telemetry = self._observed(config, plane)
        observer = self._telemetry.observer if self._telemetry else None
        self._transport = make_transport(config, self._service.find, observer, self._certificate)
        self._http = config.http
        self._face = self._faced(config)
        self._tell_health()

    def start(self) -> int:
        """Listens; the port of gRPC. Raises ConfigurationError if an address is taken."""
        port = self._transport.start()
        if self._face is not None and self._http is not None:
            host = self._http.address.rpartition(":")[0]
            log.info("HTTP on %s:%d", host, self._face.start())
        return port

    def look(self) -> None:
        """Looks at the models and the certificate on the disk, and takes what changed."""
        if self._repository.check():
            self._tell_health()
            if self._telemetry is not None:
                self._telemetry.add_methods(self._service.paths)
        if self._certificate is not None:
            self._certificate.check()

    def stop(self, seconds: float) -> bool:
        """Takes nothing new and lets what is in flight end; whether all of it did in `seconds`."""
        end = time.monotonic() + seconds
        self._health.tell(dict.fromkeys(self._health.known, False))
        finished = self._transport.drain(seconds)
        if self._face is not None:
            finished = self._face.stop(max(0.0, end - time.monotonic())) and finished
        if self._telemetry is not None:
            self._telemetry.close(_SPANS_CLOSE_SECONDS)
        if self._capture is not None:
            self._capture.close(_CAPTURE_CLOSE_SECONDS)
        return finished

    def _observed(self, config: Config, plane: DataPlane) -> "Telemetry | None":
        if not (config.http or config.tracing):
            return None
        from inference_service.telemetry import Telemetry

        telemetry = Telemetry(
            self._repository, plane.statistics, self._service.paths, config.tracing
        )
        if self._capture is not None:
            telemetry.add_counters("capture", self._capture.counters)
        if self._certificate is not None:
            telemetry.add_certificate(self._certificate)
        return telemetry

    def _faced(self, config: Config) -> "HttpFace | None":
        if config.http is None or self._telemetry is None:
            return None
        from inference_service.http_face.face import HttpFace

        certificate, turns = self._certificate, Turns(cores())

        def run(batch: Batch) -> Sequence[Outcome]:
            with turns.turn(batch.expected_seconds, None, lambda: True):
                return batch.run()

        face = HttpFace(
            config.http,
            self._service.find,
            self._telemetry.render,
            run=run,
            observer=self._telemetry.observer,
            tls=(lambda: certificate.current(HTTP1)) if certificate else None,
        )
        self._telemetry.add_gauges(lambda: {"http_connections": face.connections()})
        self._telemetry.add_gauges(self._transport.gauges)
        self._telemetry.add_counters("turned_away", self._transport.turned_away)
        return face

    def _tell_health(self) -> None:
        repository = self._repository
        ready = repository.ready()
        known = {"": ready, SERVICE: ready}
        for state in repository.states():
            known[state.name] = repository.ready(state.name)
            if isinstance(state, ServedModel) and state.contract is not None:
                known |= dict.fromkeys(state.contract.service_names, True)
        self._health.tell(known)


def _certificate(config: Config) -> "CertificateWatch | None":
    if config.tls is None:
        return None
    from inference_service.tls import CertificateWatch

    return CertificateWatch(config.tls)


def _load_contract(folder: Path, description: ModelDescription) -> "Contract | None":
    """Typed contracts cost nothing where no model has one."""
    if not any((folder / name).exists() for name in ("contract.binpb", "contract.proto")):
        return None
    from inference_service.contracts import load_contract

    return load_contract(folder, description)
