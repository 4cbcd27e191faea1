"""Layers that compare a candidate with the champion on devices, as pure data.

*Shadow*: beside the champion's modules stand a candidate service and the shadow module. The
champion's own modules are not in the layer, so nothing of its answer path changes, and deleting the
layer takes the two modules away again.

*Split*: a share of the devices gets the candidate in place of the champion, by the layer that its
release would be (`edge.manifests.layered_deployment`), above the champion's. A target condition
knows tags and device ids only, so the devices are chosen here, by a hash, and named one by one.

Everything here raises ConfigurationError for values that no device could run.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.manifests import (
    INFERENCE_PORT,
    ReleaseManifest,
    configuration_id,
    create_options,
    layered_deployment,
    module_names,
    target_condition,
)
from protos.digests import short
from protos.errors import ConfigurationError

CANDIDATE_PORT_STEP = 1000
"""The candidate's port on the device is the champion's plus this."""
_DEVICE = re.compile(r"[A-Za-z0-9\-.:_=@+%#*?!(),$]{1,128}")  # IoT Hub's device ids, without quotes


@dataclass(frozen=True)
class ShadowManifest:
    """What a shadow layer says of one candidate. Images are `registry/name@sha256:...`."""

    image: str
    module_image: str
    """The image of the modules beside the service."""
    model_digest: str
    port: int = 50051
    """The champion's port on the device."""
    memory_bytes: int | None = None
    time_every: int = 10
    """Every how many questions the champion is timed again; 0 for never."""
    send_seconds: float = 5.0


def shadow_names(model: str) -> tuple[str, str]:
    """The modules of a shadow on a device: candidate service, shadow module."""
    return f"{model}_candidate", f"{model}_shadow"


def comparison_id(model: str, mode: str, image_digest: str) -> str:
    """The layer's id, `<model>-shadow-<12 hex digits of the image>`, or `-split-`."""
    if mode not in ("shadow", "split"):
        raise ConfigurationError(f"'{mode}' is no way to compare", remedy="use shadow or split")
    configuration_id(model, 1, image_digest)  # checks both
    return f"{model}-{mode}-{short(image_digest)}"


def shadow_deployment(model: str, shadow: ShadowManifest) -> dict[str, Any]:
    """The layer of a shadow: two modules, and the route of the pairs."""
    layer = _release_layer(model, shadow)
    service, module = shadow_names(model)
    agent = layer["modulesContent"]["$edgeAgent"]
    champion, _, captures = module_names(model)
    candidate = agent[f"properties.desired.modules.{champion}"]
    beside = agent[f"properties.desired.modules.{captures}"]
    port = shadow.port + CANDIDATE_PORT_STEP
    # Published on loopback only: nobody but the shadow is meant to ask it.
    host = {
        "PortBindings": {f"{INFERENCE_PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    }
    limits = {} if shadow.memory_bytes is None else {"Memory": shadow.memory_bytes}
    # It captures nothing: the same questions are in the champion's captures.
    own = {name: value for name, value in candidate["env"].items() if name != "CAPTURE_DIR"}
    folder = f"/var/lib/edge-assets/{model}/captures:/captures:ro"
    modules = {
        service: {
            **candidate,
            "startupOrder": 3,
            "env": own,
            "settings": {
                "image": shadow.image,
                **create_options({"HostConfig": {**host, **limits}}),
            },
        },
        module: {
            **beside,
            "startupOrder": 4,
            "env": _env(
                {
                    "CAPTURE_DIR": "/captures",
                    "SHADOW_TARGET": f"{service}:{INFERENCE_PORT}",
                    "SHADOW_CHAMPION": f"{champion}:{INFERENCE_PORT}",
                    "SHADOW_TIME_EVERY": str(shadow.time_every),
                    "SHADOW_SEND_SECONDS": f"{shadow.send_seconds:g}",
                    "MODEL_NAME": model,
                }
            ),
            "settings": {
                "image": shadow.module_image,
                **create_options(
                    {"Cmd": ["edge.modules.shadow"], "HostConfig": {"Binds": [folder]}}
                ),
            },
        },
    }
    return {
        "modulesContent": {
            "$edgeAgent": {
                f"properties.desired.modules.{name}": made for name, made in modules.items()
            },
            "$edgeHub": {
                f"properties.desired.routes.{module}": (
                    f"FROM /messages/modules/{module}/* INTO $upstream"
                )
            },
        }
    }


def chosen_devices(devices: Sequence[str], share: float, salt: str) -> list[str]:
    """About `share` of `devices` by a hash, at least one and never all; sorted.

    The same devices, share and salt give the same choice; the order of `devices` does not matter.
    Take the candidate's digest as salt: then another comparison burdens other devices.
    """
    if not 0 < share < 1:
        raise ConfigurationError(f"a share of {share:g} is not between 0 and 1")
    known = sorted(set(devices))
    if len(known) < 2:
        raise ConfigurationError(
            f"{len(known)} devices cannot be split in two groups",
            remedy="choose rings with more devices, or compare in the shadow",
        )
    count = min(len(known) - 1, max(1, round(share * len(known))))
    ranked = sorted(known, key=lambda device: hashlib.sha256(f"{salt}:{device}".encode()).digest())
    return sorted(ranked[:count])


def split_condition(model: str, rings: Sequence[str], devices: Sequence[str]) -> str:
    """The target condition of a split: the chosen devices, as long as they are in the rings."""
    if not devices:
        raise ConfigurationError("a split needs at least one device")
    for device in devices:
        if not _DEVICE.fullmatch(device):
            raise ConfigurationError(f"'{device[:140]}' is no device id that can be named here")
    listed = ",".join(f"'{device}'" for device in sorted(set(devices)))
    return f"{target_condition(model, rings)} AND deviceId IN [{listed}]"


def _release_layer(model: str, shadow: ShadowManifest) -> dict[str, Any]:
    """The layer that a release of the candidate would be: what it checks is checked here too."""
    if not 1 <= shadow.port <= 65535 - CANDIDATE_PORT_STEP:
        raise ConfigurationError(f"port {shadow.port} leaves none for the candidate")
    if shadow.time_every < 0:
        raise ConfigurationError(f"every {shadow.time_every}th question cannot be timed")
    return layered_deployment(
        model,
        ReleaseManifest(
            release=shadow.model_digest,  # of no meaning: its smoke test is not in the layer
            number=1,
            image=shadow.image,
            smoke_test_image=shadow.module_image,
            model_digest=shadow.model_digest,
            port=shadow.port,
            capture_upload_seconds=shadow.send_seconds,
            memory_bytes=shadow.memory_bytes,
        ),
    )


def _env(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in values.items()}
