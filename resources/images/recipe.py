"""What goes into an image, and what came out of a build."""

from dataclasses import dataclass, field
from pathlib import Path

# What the inference service imports; their own dependencies are added by the builder. Its
# reference transport would need grpcio as well, 18 MB that no device uses.
INFERENCE_DISTRIBUTIONS = ("hpack", "numpy", "onnxruntime", "protobuf")
INFERENCE_PACKAGES = ("inference_service", "protos")

# What the modules beside the service import: they ask over gRPC and need no onnxruntime.
SMOKE_TEST_DISTRIBUTIONS = ("azure-iot-device", "grpcio", "protobuf")
SMOKE_TEST_PACKAGES = ("edge.modules", "protos")


@dataclass(frozen=True)
class ImageRecipe:
    """The parts of one image, lowest layer first.

    `base` is `host` (made from the Python that runs this) or the reference of an image in a
    registry. `distributions` are installed distributions, whose dependencies come with them.
    `packages` are packages of this project (`protos`, `edge.modules`). `model` is the folder of
    the last layer, mounted at `mount` (`/model` or `/golden`).
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
