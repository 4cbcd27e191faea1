"""The steps of the demo, by their names, in their order."""

from collections.abc import Callable

from edgectl.demo.devices import gate, predict, rollout
from edgectl.demo.drift import drift, retrain
from edgectl.demo.making import image, ingest, train
from edgectl.demo.stopped import stop_bad
from edgectl.demo.story import Evidence, Story

STEPS: dict[str, Callable[[Story], Evidence]] = {
    "ingest": ingest,
    "train": train,
    "image": image,
    "gate": gate,
    "rollout": rollout,
    "predict": predict,
    "drift": drift,
    "retrain": retrain,
    "stop bad": stop_bad,
}
