"""`python -m edge.modules.smoke_test`: asks, judges and reports until SIGTERM."""

import asyncio
import os
import sys

from edge.modules.golden import Golden
from edge.modules.iot_hub import IotHubModuleClient
from edge.modules.runner import run_module
from edge.modules.smoke_test.module import SmokeTest, SmokeTestConfig


async def _work(stop: asyncio.Event) -> None:
    config = SmokeTestConfig.from_environment(os.environ)
    golden = Golden.load(config.golden_path)
    await SmokeTest(config, golden, IotHubModuleClient.from_environment()).run(stop)


if __name__ == "__main__":
    sys.exit(run_module(_work))
