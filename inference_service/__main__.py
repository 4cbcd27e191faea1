"""`python -m inference_service`: starts the service and keeps it until SIGTERM."""

import argparse
import dataclasses
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from inference_service.capture import Capture
from inference_service.config import Config, checked_address
from inference_service.data_plane import DataPlane
from inference_service.model import ServedModel
from inference_service.transport import Transport
from inference_service.watch import ModelKeeper
from protos.errors import EdgeAssetsError

log = logging.getLogger("inference_service")

_CAPTURE_CLOSE_SECONDS = 2.0


def serve(config: Config, stop: threading.Event) -> bool:
    """Serves until `stop` is set, then drains; whether every request in flight was answered.

    The end comes within `config.drain_seconds` and two seconds for the last captures. Raises
    ConfigurationError if the address cannot be bound.
    """
    keeper = ModelKeeper(config.model_path, config.model_digest)
    capture = Capture(config.capture) if config.capture else None
    transport = Transport(config, DataPlane(lambda: keeper.state, capture))
    _tell_health(transport, keeper)
    port = transport.start()
    log.info("listening on %s:%d", config.address.rpartition(":")[0], port)
    while not stop.wait(config.watch_seconds):
        try:
            if keeper.check():
                _tell_health(transport, keeper)
        except Exception:  # the service must outlive whatever a disk does
            log.exception("the model folder could not be checked")
    log.info("draining for at most %g s", config.drain_seconds)
    finished = transport.drain(config.drain_seconds)
    if capture is not None:
        capture.close(_CAPTURE_CLOSE_SECONDS)
    log.info("drained" if finished else "requests were cut off at the end of the drain")
    return finished


def _tell_health(transport: Transport, keeper: ModelKeeper) -> None:
    state = keeper.state
    transport.tell_health(state.name, isinstance(state, ServedModel))


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
