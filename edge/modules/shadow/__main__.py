"""`python -m edge.modules.shadow`: asks the candidate the champion's questions until SIGTERM."""

import asyncio
import os
import sys

from edge.modules.iot_hub import IotHubModuleClient
from edge.modules.runner import run_module
from edge.modules.shadow.module import Shadow, ShadowConfig


async def _work(stop: asyncio.Event) -> None:
    config = ShadowConfig.from_environment(os.environ)
    await Shadow(config, IotHubModuleClient.from_environment()).run(stop)


if __name__ == "__main__":
    sys.exit(run_module(_work))
