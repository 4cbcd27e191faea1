"""`python -m edge.modules.captures`: uploads captures until SIGTERM."""

import asyncio
import os
import sys

from edge.modules.captures.module import Captures, CapturesConfig
from edge.modules.iot_hub import IotHubModuleClient
from edge.modules.runner import run_module


async def _work(stop: asyncio.Event) -> None:
    config = CapturesConfig.from_environment(os.environ)
    await Captures(config, IotHubModuleClient.from_environment()).run(stop)


if __name__ == "__main__":
    sys.exit(run_module(_work))
