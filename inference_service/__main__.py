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

from inference_service.config import Config, checked_address
from inference_service.repository import limit_arenas, release_memory
from inference_service.running import RunningService
from protos.errors import EdgeAssetsError

log = logging.getLogger("inference_service")


def serve(config: Config, stop: threading.Event) -> bool:
    """Serves until `stop` is set, then drains; whether every request in flight was answered.

    The end comes within `config.drain_seconds` and three seconds for the last captures and spans.
    Raises ConfigurationError if an address cannot be bound.
    """
    limit_arenas()
    service = RunningService(config)
    port = service.start()
    gc.collect()
    release_memory()
    gc.freeze()  # what is here now stays: the collector need not look at it again
    log.info("listening on %s:%d", config.address.rpartition(":")[0], port)
    while not stop.wait(config.watch_seconds):
        try:
            service.look()
        except Exception:  # the service must outlive whatever a disk does
            log.exception("the models on the disk could not be looked at")
    log.info("draining for at most %g s", config.drain_seconds)
    finished = service.stop(config.drain_seconds)
    log.info("drained" if finished else "requests were cut off at the end of the drain")
    return finished


def main(arguments: list[str] | None = None) -> int:
    """Reads the configuration, serves, and returns the exit code.

    0 drained, 1 requests were cut off, 2 a setting is wrong.
    """
    parser = argparse.ArgumentParser(prog="inference_service", description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        help="a model folder, a folder of them, or an .onnx file (else MODEL_PATH, /model)",
    )
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
