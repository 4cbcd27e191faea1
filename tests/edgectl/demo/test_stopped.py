"""The last step of the story says which gate stopped a bad candidate, whichever it was."""

from typing import Any, cast

import dagster as dg
import pytest

from edge_assets.lineage import gate
from edge_assets.operate import materialize
from edgectl.demo import stopped
from edgectl.demo.stopped import _scrambled_labels, closed_gates
from edgectl.demo.story import NotAsExpected, Story


def a_run(**gates: bool) -> dg.ExecuteInProcessResult:
    """A run of an asset with these blocking gates; one that is called `advice` does not block."""

    @dg.asset(
        name="trained_model",
        check_specs=[
            dg.AssetCheckSpec(name, asset="trained_model", blocking=name != "advice")
            for name in gates
        ],
    )
    def trained_model() -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
        return dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(
                    passed=passed, check_name=name, metadata={"reason": f"{name} says so"}
                )
                for name, passed in gates.items()
            ]
        )

    @dg.asset(deps=[trained_model])
    def onnx_model() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        keys = [dg.AssetKey("trained_model"), dg.AssetKey("onnx_model")]
        return materialize(dg.Definitions([trained_model, onnx_model]), instance, keys)


class Told:
    """A story in which training on scrambled labels ends as `run`."""

    def __init__(self, run: dg.ExecuteInProcessResult, champion: bool) -> None:
        self._run = run
        self._gates = {"champion": gate(champion, "4.64% smaller")}

    def document(self, asset: str) -> dict[str, Any]:
        return {"image": "sha256:before", "gates": self._gates}

    def tick(self, sensor: str) -> Any:
        class Ticked:
            run_requests = ("one",)
            partitions = ("2026-04-scrambled",)
            skipped = ""

        return Ticked()

    def must_run(self, assets: list[str], partition: str) -> None:
        """The batch is taken in."""

    def run(self, assets: list[str]) -> dg.ExecuteInProcessResult:
        return self._run


@pytest.fixture
def landed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopped, "land", lambda *_: None)
    monkeypatch.setattr(stopped, "scrambled", lambda *_: None)


@pytest.mark.usefixtures("landed")
def test_any_gate_may_stop_it_and_is_named() -> None:
    story = Told(a_run(metric_floors=False, champion=True, advice=False), champion=True)
    assert _scrambled_labels(cast(Story, story)) == {
        "stopped by": "the gate metric_floors of trained_model",
        "reason": "metric_floors says so",
        "champion gate": "open: 4.64% smaller",
        "not made": ["container_image", "onnx_model"],
    }


@pytest.mark.usefixtures("landed")
def test_no_gate_at_all_fails_the_step() -> None:
    story = Told(a_run(metric_floors=True, champion=True), champion=True)
    with pytest.raises(NotAsExpected, match="was not stopped"):
        _scrambled_labels(cast(Story, story))


def test_every_closed_gate_is_named_with_its_reason() -> None:
    assert closed_gates(a_run(metric_floors=False, champion=False)) == {
        "metric_floors of trained_model": "metric_floors says so",
        "champion of trained_model": "champion says so",
    }
