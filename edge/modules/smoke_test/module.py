"""The smoke test as a module: when it asks, and whom it tells."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.modules.environment import module_id, number_setting
from edge.modules.golden import Golden, ask
from edge.modules.hub_client import ModuleClient
from edge.modules.runner import until_done
from edge.modules.smoke_test.report import Missing, build_report
from protos.errors import ConfigurationError, EdgeAssetsError, Unavailable

log = logging.getLogger(__name__)

_SUFFIX = "_smoke_test"
_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class SmokeTestConfig:
    """`target` is host:port of the service; a round of questions ends within `deadline_seconds`."""

    target: str
    model: str
    golden_path: Path
    interval_seconds: float = 30.0
    deadline_seconds: float = 10.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "SmokeTestConfig":
        """Reads INFERENCE_TARGET, GOLDEN_PATH, MODEL_NAME, SMOKE_TEST_*_SECONDS.

        Without MODEL_NAME the model is what the module id says: `<model>_smoke_test`. Raises
        ConfigurationError.
        """
        target = environ.get("INFERENCE_TARGET", "")
        if not target.rpartition(":")[0]:
            raise ConfigurationError(
                f"INFERENCE_TARGET is {target!r}",
                why="the smoke test must know whom to ask",
                remedy="set it to host:port of the inference service",
            )
        own_id = module_id(environ)
        derived = own_id.removesuffix(_SUFFIX) if own_id.endswith(_SUFFIX) else ""
        model = environ.get("MODEL_NAME", "") or derived
        if not model:
            raise ConfigurationError(
                "the smoke test does not know which model to ask",
                why=f"the module is not called <model>{_SUFFIX}",
                remedy="set MODEL_NAME",
            )
        return cls(
            target=target,
            model=model,
            golden_path=Path(environ.get("GOLDEN_PATH", "") or "/golden/golden.json"),
            interval_seconds=number_setting(
                environ, "SMOKE_TEST_INTERVAL_SECONDS", cls.interval_seconds, 0.1, 86400
            ),
            deadline_seconds=number_setting(
                environ, "SMOKE_TEST_DEADLINE_SECONDS", cls.deadline_seconds, 0.1, 600
            ),
        )


class SmokeTest:
    """Asks the golden questions at start, on a change of desired properties, at intervals, on call.

    A failed round is repeated after five seconds (or the interval, if shorter), so that a service
    that starts late is proven soon.
    """

    def __init__(self, config: SmokeTestConfig, golden: Golden, client: ModuleClient) -> None:
        self._config = config
        self._golden = golden
        self._client = client
        self._release: str | None = None
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set. A hub that is away is tried again; nothing ends the module."""
        waiter = asyncio.create_task(self._wake_on(stop))
        try:
            if not await until_done(self._connect, stop):
                return
            while not stop.is_set():
                self._wake.clear()
                await self._sleep(await self._round())
        finally:
            waiter.cancel()
            await self._client.close()

    async def check(self) -> dict[str, Any]:
        """One round of questions; what is to be reported about it."""
        async with self._one_at_a_time:
            config = self._config
            outcome: Any
            try:
                outcome = await asyncio.to_thread(
                    ask, config.target, self._golden, config.model, config.deadline_seconds
                )
            except EdgeAssetsError as error:
                outcome = Missing(str(error))
            report = build_report(
                self._golden,
                outcome,
                release=self._release,
                endpoint=config.target,
                now=datetime.now(UTC),
            )
        if report["passed"]:
            log.info("passed: %d of %d right", report["right"], report["asked"])
        else:
            log.error("failed: %s", report["reason"])
        return report

    async def _connect(self) -> None:
        await self._client.connect(self._on_desired, {"smokeTest": self._on_method})
        self._learn(await self._client.desired_properties())

    async def _round(self) -> float:
        """Checks and reports; how long to wait for the next round."""
        interval = self._config.interval_seconds
        report = await self.check()
        try:
            await self._client.report({"smoke_test": report})
        except Unavailable as error:
            log.warning("not reported: %s", error)
            return min(interval, _RETRY_SECONDS)
        return interval if report["passed"] else min(interval, _RETRY_SECONDS)

    async def _on_method(self) -> tuple[int, dict[str, Any]]:
        report = await self.check()
        try:
            await self._client.report({"smoke_test": report})
        except Unavailable as error:  # the caller still gets the answer
            log.warning("not reported: %s", error)
        return (200 if report["passed"] else 412), report

    def _on_desired(self, patch: Mapping[str, Any]) -> None:
        self._learn(patch)
        self._wake.set()

    def _learn(self, desired: Mapping[str, Any]) -> None:
        if "release" in desired:
            release = desired["release"]
            self._release = None if release is None else str(release)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
