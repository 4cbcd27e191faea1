"""The demo as a row of steps: each is verified, and the first that is not ends the story."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from edge_assets.core.fleet import DeviceObservation
from edge_assets.operate import Tick, failure, materialize, tick
from edgectl.chain import Workbench
from protos.errors import DeadlineExceeded, EdgeAssetsError

Evidence = dict[str, Any]


class NotAsExpected(EdgeAssetsError):
    """Something that the demo must show did not happen."""


def expect(fact: object, what: str) -> None:
    """Raises NotAsExpected unless `fact` holds."""
    if not fact:
        raise NotAsExpected(what)


@dataclass
class Story:
    """What the steps share: the workbench, where the state is, and the cursors of sensors."""

    bench: Workbench
    home: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    cursors: dict[str, str | None] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The edge model of the story."""
        return self.bench.chain.name

    def run(
        self,
        assets: Sequence[str | dg.AssetKey],
        *,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materializes assets of the chain in one run; the caller looks at how it ended."""
        keys = [self.bench.chain.key(a) if isinstance(a, str) else a for a in assets]
        return materialize(
            self.bench.definitions,
            self.bench.instance,
            keys,
            partition=partition,
            tags={"trigger": "demo", **(tags or {})},
        )

    def must_run(
        self,
        assets: Sequence[str | dg.AssetKey],
        *,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """As `run`; raises what ended the run when it failed."""
        run = self.run(assets, partition=partition, tags=tags)
        error = failure(run)
        if error is not None:
            raise error
        return run

    def tick(self, sensor: str) -> Tick:
        """One tick of a sensor of the model, with its cursor kept as the daemon keeps it."""
        name = f"{self.model}_{sensor}"
        ticked = tick(self.bench.definitions, self.bench.instance, name, self.cursors.get(name))
        self.cursors[name] = ticked.cursor
        return ticked

    def document(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """The newest document of an asset."""
        from edge_assets.lineage import required

        key = self.bench.chain.key(asset)
        return self.bench.platform.artifacts.get_document(
            required(self.bench.instance, key, partition)
        )

    def devices(self) -> list[DeviceObservation]:
        """The fleet as the hub shows it now."""
        return self.bench.platform.hub.observe(self.model)

    def child_environment(self) -> dict[str, str]:
        """What a command of ours needs to work on this story's state."""
        return {**os.environ, **self.environment}


def wait_for(what: str, probe: Callable[[], Any], seconds: float, every: float = 0.5) -> Any:
    """Asks `probe` until it answers something true; DeadlineExceeded when that is too late."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise DeadlineExceeded(
                f"waited {seconds:.0f} s for {what}",
                remedy="look into the logs below the state directory",
            )
        time.sleep(every)


@dataclass(frozen=True)
class Step:
    """One step as it ended."""

    name: str
    ok: bool
    seconds: float
    evidence: Evidence


def tell(story: Story, steps: Mapping[str, Callable[[Story], Evidence]]) -> list[Step]:
    """Runs the steps in order; stops behind the first that fails, with its error as evidence."""
    told: list[Step] = []
    for name, step in steps.items():
        story.say(f"{name} ...")
        started = time.monotonic()
        try:
            evidence, ok = step(story), True
        except EdgeAssetsError as error:
            evidence, ok = {"error": str(error), "kind": type(error).__name__}, False
        seconds = round(time.monotonic() - started, 2)
        told.append(Step(name, ok, seconds, evidence))
        story.say(f"{name} {'ok' if ok else 'FAILED'} in {seconds:.1f} s")
        if not ok:
            story.say(f"  {evidence['error']}")
            break
    return told
