"""What goes into an image, and what came out of a build."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protos.digests import canonical_json

# What the inference service imports; their own dependencies are added by the builder. Its
# reference transport would need grpcio as well, 18 MB that no device uses.
INFERENCE_DISTRIBUTIONS = ("hpack", "numpy", "onnxruntime", "protobuf")
INFERENCE_PACKAGES = ("inference_service", "protos")

# What the modules beside the service import: they ask over gRPC and need no onnxruntime.
SMOKE_TEST_DISTRIBUTIONS = ("azure-iot-device", "grpcio", "protobuf")
SMOKE_TEST_PACKAGES = ("edge.modules", "protos")

# What the web application imports. Without the time zones of tzdata not even UTC is known there.
WEBAPP_DISTRIBUTIONS = (
    *("azure-iot-device", "django", "grpcio", "protobuf", "psycopg", "psycopg-binary"),
    *("tzdata", "waitress", "whitenoise"),
)
WEBAPP_PACKAGES = ("edge.modules", "edge.webapp", "protos")
CONTRACT_FILE = "model.json"


@dataclass(frozen=True)
class ImageRecipe:
    """The parts of one image, lowest layer first.

    `base` is `host` (made from the Python that runs this) or the reference of an image in a
    registry. `distributions` are installed distributions, whose dependencies come with them.
    `packages` are packages of this project (`protos`, `edge.modules`). `model` is the folder of
    the last layer, mounted at `mount` (`/model`, `/golden` or `/contract`).
    """

    name: str
    distributions: tuple[str, ...] | list[str]
    packages: tuple[str, ...] | list[str]
    model: Path
    mount: str = "/model"
    base: str = "host"
    entrypoint: tuple[str, ...] | list[str] = ("python", "-m", "inference_service")
    cmd: tuple[str, ...] | list[str] = ()
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


def inference_recipe(name: str, model: Path, model_digest: str) -> ImageRecipe:
    """The image of an edge model: the inference service with the model's folder on top.

    `model_digest` is that of `model.onnx`; the service serves nothing else.
    """
    return ImageRecipe(
        name,
        INFERENCE_DISTRIBUTIONS,
        INFERENCE_PACKAGES,
        model,
        env={"MODEL_DIGEST": model_digest},
        labels={"edge-assets.model": name, "edge-assets.model.digest": model_digest},
    )


def smoke_test_recipe(name: str, golden: Path) -> ImageRecipe:
    """The image of the modules beside the service, with the golden questions on top."""
    return ImageRecipe(
        name,
        SMOKE_TEST_DISTRIBUTIONS,
        SMOKE_TEST_PACKAGES,
        golden,
        mount="/golden",
        entrypoint=("python", "-m"),
        cmd=("edge.modules.smoke_test",),
    )


def webapp_recipe(name: str, contract: Path) -> ImageRecipe:
    """The image of the web application beside an edge model.

    The folder `contract` holds `model.json`: the inputs and outputs of the model, as
    `contract_document` gives them. It is all that the image has of the model, so another model
    with the same inputs and outputs leaves the image as it is, and the application running.
    """
    return ImageRecipe(
        name,
        WEBAPP_DISTRIBUTIONS,
        WEBAPP_PACKAGES,
        contract,
        mount="/contract",
        entrypoint=("python", "-m", "edge.webapp"),
        env={"WEBAPP_CONTRACT": f"/contract/{CONTRACT_FILE}"},
    )


def contract_document(described: Mapping[str, Any]) -> bytes:
    """What of a model's `model.json` an application is built against, in one fixed form.

    Digest and version are not: they change with every training.
    """
    return canonical_json({key: described[key] for key in ("name", "inputs", "outputs")})


APPLICATION_RECIPES = {"edge.webapp": webapp_recipe}
"""The recipe of each application that `modules` in model.yaml may name."""


@dataclass(frozen=True)
class Layer:
    """One layer of a built image: `size` in bytes as stored, `seconds` that it took."""

    role: str
    digest: str
    diff_id: str
    size: int
    media_type: str
    seconds: float


@dataclass(frozen=True)
class BuiltImage:
    """A built image. `digest` is that of the index, which names the image everywhere."""

    digest: str
    manifest_digest: str
    layers: list[Layer]
    architecture: str

    @property
    def size(self) -> int:
        """The sum of the layers in bytes, as a registry keeps them."""
        return sum(layer.size for layer in self.layers)
