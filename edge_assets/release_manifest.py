"""What a release document means for the hub: the configuration's name and content."""

from collections.abc import Mapping
from typing import Any

from edge.manifests import (
    APPLICATIONS,
    ReleaseManifest,
    configuration_id,
    extra_module_name,
    layered_deployment,
)
from edge_assets.chain import Chain
from edge_assets.core.rollout import Release


def image_reference(registry: str, name: str, digest: str) -> str:
    """How devices name an image: always by digest, so that nobody can change what it means."""
    return f"{registry}/{name}@{digest}"


def release_of(chain: Chain, registry: str, digest: str, document: Mapping[str, Any]) -> Release:
    """What must be found running on devices that have the release."""
    return Release(
        digest=digest,
        configuration=configuration_id(chain.name, document["number"], document["image"]),
        model=chain.name,
        model_digest=document["model_digest"],
        image=image_reference(registry, chain.name, document["image"]),
        modules={
            extra_module_name(chain.name, module["name"]): _module_image(chain, registry, module)
            for module in document.get("modules", [])
        },
    )


def module_repository(model: str, module: str) -> str:
    """The name of a module's image in the registry."""
    return f"{model}-{module}"


def smoke_test_repository(model: str) -> str:
    """The name of the image that asks a model its golden questions, in the registry."""
    return f"{model}-smoke-test"


def images_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The images of a release: name in the registry -> digest, that of the model first."""
    model = document["model"]
    return {
        model: document["image"],
        smoke_test_repository(model): document["smoke_test_image"],
        **{
            module_repository(model, module["name"]): module["image"]
            for module in document.get("modules", [])
        },
    }


def _module_image(chain: Chain, registry: str, module: Mapping[str, Any]) -> str:
    repository = module_repository(chain.name, module["name"])
    return image_reference(registry, repository, module["image"])


def manifest_of(
    chain: Chain, registry: str, digest: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of the release's layered deployment."""
    smoke_test = smoke_test_repository(chain.name)
    return layered_deployment(
        chain.name,
        ReleaseManifest(
            release=digest,
            number=document["number"],
            image=image_reference(registry, chain.name, document["image"]),
            smoke_test_image=image_reference(registry, smoke_test, document["smoke_test_image"]),
            model_digest=document["model_digest"],
            port=chain.config.device.port,
            memory_bytes=chain.config.device.memory_bytes,
            smoke_test_interval_seconds=chain.config.smoke_test.interval_seconds,
            extra_modules=tuple(
                APPLICATIONS[module["app"]](
                    module["name"],
                    _module_image(chain, registry, module),
                    module["port"],
                    module["env"],
                )
                for module in document.get("modules", [])
            ),
        ),
    )
