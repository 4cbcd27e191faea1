"""What is known of a model: served with its engine, or refused with the reason."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference_service.description import ModelDescription
from inference_service.engine import OnnxEngine

if TYPE_CHECKING:
    from inference_service.contracts.load import Contract


@dataclass(frozen=True)
class ServedModel:
    """A verified model in memory.

    `loaded` counts loads in this process: the larger, the later. `proven` tells whether its golden
    questions were answered right; without golden.json nothing is proven. `corrupt_on_disk` once its
    file is no longer what it was; `swap_refused` is why what lies on the disk now was not taken in
    its place, empty if nothing was refused.
    """

    description: ModelDescription
    engine: OnnxEngine
    loaded: int = 0
    proven: bool = False
    corrupt_on_disk: bool = False
    swap_refused: str = ""
    contract: "Contract | None" = None

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.description.name

    @property
    def version(self) -> str:
        """Which version of it this is."""
        return self.description.version

    @property
    def properties(self) -> dict[str, str]:
        """What ModelMetadata tells beside inputs and outputs."""
        told = {
            "model_digest": self.engine.digest,
            "disk_state": "corrupt" if self.corrupt_on_disk else "verified",
            "proof": "golden" if self.proven else "none",
        }
        return told | ({"swap_refused": self.swap_refused} if self.swap_refused else {})


@dataclass(frozen=True)
class RefusedModel:
    """A model that is not served, and why; no reason holds a path.

    Name and version are empty where even those are unknown. `retry`: the cause may pass without a
    trace on the disk, so the next look tries again.
    """

    name: str
    reason: str
    version: str = ""
    retry: bool = False


ModelState = ServedModel | RefusedModel
