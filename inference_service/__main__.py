"""`python -m inference_service`: starts the service and keeps it until SIGTERM."""

import argparse
import dataclasses
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from inference_service.capture import Capture
from inference_service.config import Config, checked_address
from inference_service.data_plane import DataPlane
from inference_service.description import ModelDescription
from inference_service.health import Health
from inference_service.repository import ModelRepository, ServedModel
from inference_service.service import SERVICE, Service
from inference_service.transports import make_transport
from protos.errors import EdgeAssetsError

if TYPE_CHECKING:
    from inference_service.contracts import Contract

log = logging.getLogger("inference_service")

_CAPTURE_CLOSE_SECONDS = 2.0
_SWITCH_SECONDS = 0.5e-3
"""How long a thread of ours may hold the interpreter while a request waits; Python's is 5 ms."""


def serve(config: Config, stop: threading.Event) -> bool:
    """Serves until `stop` is set, then drains; whether every request in flight was answered.

    The end comes within `config.drain_seconds` and two seconds for the last captures. Raises
    ConfigurationError if the address cannot be bound.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    repository = ModelRepository(
        config.model_path, config.model_digest, load_contract=_load_contract
    )
    capture = Capture(config.capture) if config.capture else None
    health = Health()
    plane = DataPlane(repository, capture)
    service = Service(repository, plane, health, reflection=config.reflection)
    transport = make_transport(config, service.find)
    _tell_health(health, repository)
    port = transport.start()
    gc.freeze()  # what is here now stays: the collector need not look at it again
    log.info("listening on %s:%d", config.address.rpartition(":")[0], port)
    while not stop.wait(config.watch_seconds):
        try:
            if repository.check():
                _tell_health(health, repository)
        except Exception:  # the service must outlive whatever a disk does
            log.exception("the model folder could not be checked")
    log.info("draining for at most %g s", config.drain_seconds)
    health.tell(dict.fromkeys(health.known, False))
    finished = transport.drain(config.drain_seconds)
    if capture is not None:
        capture.close(_CAPTURE_CLOSE_SECONDS)
    log.info("drained" if finished else "requests were cut off at the end of the drain")
    return finished


def _load_contract(folder: Path, description: ModelDescription) -> "Contract | None":
    """Typed contracts cost nothing where no model has one."""
    if not any((folder / name).exists() for name in ("contract.binpb", "contract.proto")):
        return None
    from inference_service.contracts import load_contract

    return load_contract(folder, description)


def _tell_health(health: Health, repository: ModelRepository) -> None:
    ready = repository.ready()
    known = {"": ready, SERVICE: ready}
    known |= {state.name: repository.ready(state.name) for state in repository.states()}
    known |= {
        name: True
        for state in repository.states()
        if isinstance(state, ServedModel) and state.contract is not None
        for name in state.contract.service_names
    }
    health.tell(known)


def main(arguments: list[str] | None = None) -> int:
    """Reads the configuration, serves, and returns the exit code.

    0 drained, 1 requests were cut off, 2 a setting is wrong.
    """
    parser = argparse.ArgumentParser(prog="inference_service", description=__doc__)
    parser.add_argument("--model", type=Path, help="the model folder (else MODEL_PATH, /model)")
    parser.add_argument("--address", help="host:port (else INFERENCE_ADDRESS, 0.0.0.0:8081)")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = Config.from_environment(os.environ)
        if options.model is not None:
            config = dataclasses.replace(config, model_path=options.model)
        if options.address is not None:
            config = dataclasses.replace(config, address=checked_address(options.address))
        finished = serve(config, stop)
    except EdgeAssetsError as error:
        log.error("%s", error)
        return error.exit_code
    if not finished:
        logging.shutdown()
        os._exit(1)  # threads still inside the model would hold up a normal exit
    return 0


if __name__ == "__main__":
    sys.exit(main())
