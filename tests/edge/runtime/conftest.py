from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.oci import BlobStore, ImageConfig, UnpackedImage, unpack
from edge.runtime import ProcessSpec
from resources.images import ImageRecipe, build_image

MakeSpec = Callable[..., ProcessSpec]


@pytest.fixture(scope="session")
def python_image(tmp_path_factory: pytest.TempPathFactory) -> UnpackedImage:
    """A real image with this Python and nothing else, its model apart."""
    shared = tmp_path_factory.getbasetemp()
    folder = tmp_path_factory.mktemp("python-image")
    (folder / "model").mkdir()
    (folder / "model/answer").write_text("42")
    store = BlobStore(folder / "store")
    recipe = ImageRecipe(
        "python", (), ("protos",), folder / "model", entrypoint=("python",), env={"OF": "image"}
    )
    built = build_image(recipe, store, shared / "layers")
    return unpack(store, built.digest, shared / "rootfs", folder / "device-model")


@pytest.fixture
def make_spec(python_image: UnpackedImage, tmp_path: Path) -> MakeSpec:
    """`make_spec(code, ...)`: a process of that image which runs `code`."""

    def make(code: str, *, name: str = "test", **fields: object) -> ProcessSpec:
        config = python_image.config
        image = replace(
            python_image,
            config=ImageConfig(config.env, ["python", "-c"], [code], config.user, config.labels),
        )
        base = ProcessSpec(image, name, {}, tmp_path / "log" / name)
        return replace(base, **fields)  # type: ignore[arg-type]

    return make
