"""`python -m inference_service`: starts the service and keeps it until SIGTERM."""

import argparse
import asyncio
import dataclasses
import logging
import os
import signal
import sys
from pathlib import Path

from inference_service.capture import Capture
from inference_service.config import Config, checked_address
from inference_service.data_plane import DataPlane
from inference_service.model import RefusedModel, ServedModel
from inference_service.transport import Transport
from inference_service.watch import ModelKeeper
from protos.errors import EdgeAssetsError

log = logging.getLogger("inference_service")

# Below this a request is answered on the event loop; above, health checks would wait for it.
INLINE_SECONDS = 0.001


async def serve(config: Config) -> None:
    """Serves until SIGTERM or SIGINT, then drains within `config.drain_seconds`.

    Raises ConfigurationError if the address cannot be bound.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keeper = ModelKeeper(config.model_path, config.model_digest)
    capture = Capture(config.capture) if config.capture else None
    plane = DataPlane(lambda: keeper.state, capture)
    transport = Transport(config, plane, lambda: _is_quick(keeper))
    await _tell_health(transport, keeper)
    port = await transport.start()
    log.info("listening on %s:%d", config.address.rpartition(":")[0], port)
    watch = asyncio.create_task(_watch(config, transport, keeper))
    await stop.wait()
    log.info("draining for at most %g s", config.drain_seconds)
    watch.cancel()
    finished = await transport.drain(config.drain_seconds)
    log.info("drained" if finished else "requests were cut off at the end of the drain")
    if capture is not None:
        capture.close(timeout_seconds=2.0)


async def _watch(config: Config, transport: Transport, keeper: ModelKeeper) -> None:
    while True:
        await asyncio.sleep(config.watch_seconds)
        try:
            changed = await asyncio.to_thread(keeper.check)
        except Exception:  # the watch must outlive whatever a disk does
            log.exception("the model folder could not be checked")
            continue
        if changed:
            await _tell_health(transport, keeper)


async def _tell_health(transport: Transport, keeper: ModelKeeper) -> None:
    state = keeper.state
    name = state.name if isinstance(state, RefusedModel) else state.description.name
    await transport.tell_health(name, isinstance(state, ServedModel))


def _is_quick(keeper: ModelKeeper) -> bool:
    state = keeper.state
    if isinstance(state, RefusedModel):
        return True
    seconds = state.engine.quick_seconds
    return seconds is not None and seconds < INLINE_SECONDS


def main(arguments: list[str] | None = None) -> int:
    """Reads the configuration, serves, and returns the exit code: 2 for a wrong setting."""
    parser = argparse.ArgumentParser(prog="inference_service", description=__doc__)
    parser.add_argument("--model", type=Path, help="the model folder (else MODEL_PATH, /model)")
    parser.add_argument("--address", help="host:port (else INFERENCE_ADDRESS, 0.0.0.0:8081)")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        config = Config.from_environment(os.environ)
        if options.model is not None:
            config = dataclasses.replace(config, model_path=options.model)
        if options.address is not None:
            config = dataclasses.replace(config, address=checked_address(options.address))
        asyncio.run(serve(config))
    except EdgeAssetsError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
