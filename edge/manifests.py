"""IoT Edge deployment manifests as pure data: the base deployment and one layer per release.

A device gets one full manifest (the base: agent, hub, registry credentials) and, above it, layers:
partial manifests that add the modules of one edge model. Layers merge by priority, so the release
with the highest priority wins and the earlier ones wait below it for a rollback.
https://learn.microsoft.com/azure/iot-edge/module-deployment-monitoring#layered-deployment

Everything here raises ConfigurationError for values that no device could run.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protos.digests import is_digest, short
from protos.errors import ConfigurationError

BASE_CONFIGURATION = "edge-assets-base"
"""Beginning of the id; the digest of its content follows, because content never changes."""
BASE_PRIORITY = 0
BASE_TARGET = "*"

MODULE_ENTRYPOINT = ("python", "-m")
"""Entrypoint of the image that modules 2 and 3 share; their `Cmd` names what runs in it."""

INFERENCE_PORT = 8081
_CREATE_OPTIONS_LENGTH = 512  # characters the hub keeps of one value of createOptions
_CREATE_OPTIONS_PIECES = 8  # createOptions, createOptions01 ... createOptions07
_LONGEST_ID = 128
_MODEL = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MODULE = re.compile(r"[a-z][a-z0-9_]{0,30}")
_OWN_MODULES = ("smoke_test", "captures", "candidate", "shadow")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOLDER = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_RING = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.:-]*(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}"
)


@dataclass(frozen=True)
class RegistryCredentials:
    """A pull-only token of a private registry. It stands in plain text in the device's twin."""

    address: str
    username: str
    password: str


@dataclass(frozen=True)
class ExtraModule:
    """A module that a release brings beside the model's own three, such as a web application.

    It is called `<model>_<name>` on devices. It is told its model by INFERENCE_TARGET and
    MODEL_NAME, whatever `env` says. `port` is the TCP port that it listens at, and under the same
    number on the device. Each of `folders`, absolute paths in the module, is kept on the device
    over restarts and releases. `sends` lets its messages go to the hub.
    """

    name: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    folders: tuple[str, ...] = ()
    sends: bool = False
    memory_bytes: int | None = None


@dataclass(frozen=True)
class ReleaseManifest:
    """What a layered deployment says of one release. Images are `registry/name@sha256:...`."""

    release: str
    """Digest of the release's document."""
    number: int
    image: str
    smoke_test_image: str
    model_digest: str
    port: int = 50051
    """TCP port on the device at which other programs reach the model."""
    smoke_test_interval_seconds: float = 30.0
    capture_upload_seconds: float = 5.0
    memory_bytes: int | None = None
    """Memory limit of the inference service; None for no limit."""
    extra_modules: tuple[ExtraModule, ...] = ()
    """What is rolled out, proven and rolled back together with the model."""


def module_names(model: str) -> tuple[str, str, str]:
    """The modules of an edge model on a device: inference service, smoke test, captures."""
    return model, f"{model}_smoke_test", f"{model}_captures"


def extra_module_name(model: str, name: str) -> str:
    """What an extra module of an edge model is called on a device."""
    return f"{model}_{name}"


def webapp_module(
    name: str, image: str, port: int, env: Mapping[str, str] | None = None
) -> ExtraModule:
    """The web application `edge.webapp` as a module of a release.

    `env` adds settings such as WEBAPP_HOSTS; no secrets, since it stands in the device's twin.
    """
    own = {"WEBAPP_ADDRESS": f"0.0.0.0:{port}", "WEBAPP_DATA": "/data"}
    return ExtraModule(
        name, image, env={**(env or {}), **own}, port=port, folders=("/data",), sends=True
    )


APPLICATIONS = {"edge.webapp": webapp_module}
"""How each application of `modules` in model.yaml becomes a module."""


def configuration_id(model: str, number: int, image_digest: str) -> str:
    """The deployment's id, `<model>-r<NNNN>-<12 hex digits of the image>`."""
    _check_model(model)
    _check_number(number)
    if not is_digest(image_digest):
        raise ConfigurationError(
            f"'{image_digest}' is not a digest", remedy="give sha256: and 64 hexadecimal digits"
        )
    name = f"{model}-r{number:04d}-{short(image_digest)}"
    if len(name) > _LONGEST_ID:
        raise ConfigurationError(
            f"configuration id {name} is too long", why=f"the hub takes {_LONGEST_ID} characters"
        )
    return name


def target_condition(model: str, rings: Sequence[str]) -> str:
    """Which devices get a release: those that have the model on and are in one of the rings.

    Only tags are used: they never change during a rollout, so widening the list of rings is the
    only thing that moves a device onto a release.
    """
    _check_model(model)
    if not rings or len(set(rings)) != len(rings):
        raise ConfigurationError(
            f"the rings of {model} are {', '.join(rings) or 'none'}",
            why="a deployment needs at least one ring, each once",
        )
    for ring in rings:
        if not _RING.fullmatch(ring):
            raise ConfigurationError(
                f"'{ring}' is no name of a ring",
                remedy="use lower-case letters, digits, - and _, beginning with a letter",
            )
    listed = ",".join(f"'{ring}'" for ring in rings)
    return f"tags.models.{model}='on' AND tags.ring IN [{listed}]"


def create_options(options: dict[str, Any]) -> dict[str, str]:
    """`options` (of Docker's container API) as manifest settings, cut at 512 characters a value."""
    text = json.dumps(options, separators=(",", ":"), sort_keys=True)
    pieces = [
        text[start : start + _CREATE_OPTIONS_LENGTH]
        for start in range(0, len(text), _CREATE_OPTIONS_LENGTH)
    ]
    if len(pieces) > _CREATE_OPTIONS_PIECES:
        raise ConfigurationError(
            f"create options of {len(text)} characters are too long",
            why=f"a manifest holds {_CREATE_OPTIONS_PIECES} times {_CREATE_OPTIONS_LENGTH}",
        )
    keys = ["createOptions", *(f"createOptions{n:02d}" for n in range(1, len(pieces)))]
    return dict(zip(keys, pieces, strict=True))


def base_deployment(
    credentials: RegistryCredentials | None = None, *, edge_version: str = "1.6"
) -> dict[str, Any]:
    """The full manifest (schema 1.1) below all releases: runtime, agent and hub, no module.

    `credentials` None is for a registry that lets devices pull without a name.
    """
    registries = {}
    if credentials is not None:
        registries["registry"] = {
            "address": credentials.address,
            "username": credentials.username,
            "password": credentials.password,
        }
    image = "mcr.microsoft.com/azureiotedge-{}:" + edge_version
    # Devices and modules reach the hub over AMQP, HTTPS and MQTT; all three are published.
    published = {f"{port}/tcp": [{"HostPort": str(port)}] for port in (443, 5671, 8883)}
    return {
        "modulesContent": {
            "$edgeAgent": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "runtime": {
                        "type": "docker",
                        "settings": {
                            "minDockerVersion": "v1.25",
                            "registryCredentials": registries,
                        },
                    },
                    "systemModules": {
                        "edgeAgent": {
                            "type": "docker",
                            "settings": {"image": image.format("agent"), **create_options({})},
                        },
                        "edgeHub": {
                            "type": "docker",
                            "status": "running",
                            "restartPolicy": "always",
                            "startupOrder": 0,
                            "settings": {
                                "image": image.format("hub"),
                                **create_options({"HostConfig": {"PortBindings": published}}),
                            },
                        },
                    },
                    "modules": {},
                }
            },
            "$edgeHub": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "routes": {},
                    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
                }
            },
        }
    }


def layered_deployment(model: str, release: ReleaseManifest) -> dict[str, Any]:
    """The layer of one release: its modules, the routes of what they send, what must be proven."""
    _check_release(model, release)
    service, smoke_test, captures = module_names(model)
    captured = {"Binds": [f"/var/lib/edge-assets/{model}/captures:/captures"]}
    host = {"PortBindings": {f"{INFERENCE_PORT}/tcp": [{"HostPort": str(release.port)}]}}
    limits = {} if release.memory_bytes is None else {"Memory": release.memory_bytes}
    modules = {
        service: _module(
            release.image,
            startup_order=1,
            env={
                "INFERENCE_ADDRESS": f"0.0.0.0:{INFERENCE_PORT}",
                "MODEL_PATH": "/model",
                "MODEL_DIGEST": release.model_digest,
                "CAPTURE_DIR": "/captures",
            },
            options={"HostConfig": {**host, **captured, **limits}},
        ),
        smoke_test: _module(
            release.smoke_test_image,
            startup_order=2,
            env={
                "INFERENCE_TARGET": f"{service}:{INFERENCE_PORT}",
                "SMOKE_TEST_INTERVAL_SECONDS": f"{release.smoke_test_interval_seconds:g}",
            },
            options={"Cmd": ["edge.modules.smoke_test"]},
        ),
        captures: _module(
            release.smoke_test_image,
            startup_order=2,
            env={
                "CAPTURE_DIR": "/captures",
                "CAPTURE_UPLOAD_SECONDS": f"{release.capture_upload_seconds:g}",
            },
            options={"Cmd": ["edge.modules.captures"], "HostConfig": captured},
        ),
    }
    senders = [captures]
    for extra in release.extra_modules:
        name = extra_module_name(model, extra.name)
        modules[name] = _extra_module(model, extra)
        senders += [name] if extra.sends else []
    return {
        "modulesContent": {
            "$edgeAgent": {
                f"properties.desired.modules.{name}": module for name, module in modules.items()
            },
            "$edgeHub": {
                f"properties.desired.routes.{name}": (
                    f"FROM /messages/modules/{name}/* INTO $upstream"
                )
                for name in senders
            },
            smoke_test: {
                "properties.desired": {
                    "release": release.release,
                    "model_digest": release.model_digest,
                }
            },
        }
    }


def _module(
    image: str, *, startup_order: int, env: dict[str, str], options: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": "1.0",
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "imagePullPolicy": "on-create",
        "startupOrder": startup_order,
        "env": {name: {"value": value} for name, value in env.items()},
        "settings": {"image": image, **create_options(options)},
    }


def _extra_module(model: str, extra: ExtraModule) -> dict[str, Any]:
    host: dict[str, Any] = {}
    if extra.folders:
        kept = f"/var/lib/edge-assets/{model}/{extra.name}"
        host["Binds"] = [f"{kept}{folder}:{folder}" for folder in extra.folders]
    if extra.port is not None:
        host["PortBindings"] = {f"{extra.port}/tcp": [{"HostPort": str(extra.port)}]}
    if extra.memory_bytes is not None:
        host["Memory"] = extra.memory_bytes
    told = {"INFERENCE_TARGET": f"{model}:{INFERENCE_PORT}", "MODEL_NAME": model}
    return _module(
        extra.image,
        startup_order=2,
        env={**extra.env, **told},
        options={"HostConfig": host} if host else {},
    )


def _check_model(model: str) -> None:
    if not _MODEL.fullmatch(model):
        raise ConfigurationError(
            f"'{model}' is no name of an edge model",
            remedy="use lower-case letters, digits and _, beginning with a letter, at most 63",
        )


def _check_number(number: int) -> None:
    if number < 1:
        raise ConfigurationError(f"release number {number} is below 1")


def _check_release(model: str, release: ReleaseManifest) -> None:
    _check_model(model)
    _check_number(release.number)
    for what, digest in (("release", release.release), ("model", release.model_digest)):
        if not is_digest(digest):
            raise ConfigurationError(f"the {what}'s digest is '{digest}'", why="it is no digest")
    _check_extra(model, release)
    extra_images = [extra.image for extra in release.extra_modules]
    for image in (release.image, release.smoke_test_image, *extra_images):
        if not _IMAGE.fullmatch(image):
            raise ConfigurationError(
                f"image '{image}' is not deployed",
                why="only registry/name@sha256:<digest> cannot change its meaning afterwards",
                remedy="name the image by the digest that the build reported",
            )
    if not 1 <= release.port <= 65535:
        raise ConfigurationError(f"port {release.port} is not between 1 and 65535")
    waits = (release.smoke_test_interval_seconds, release.capture_upload_seconds)
    if not all(0 < seconds < float("inf") for seconds in waits):
        raise ConfigurationError("an interval of the release is not a positive number of seconds")
    for memory in (release.memory_bytes, *(extra.memory_bytes for extra in release.extra_modules)):
        if memory is not None and memory < 6 * 1024 * 1024:
            raise ConfigurationError(
                f"a memory limit of {memory} bytes is not possible",
                why="container engines refuse less than 6 MiB",
            )


def _check_extra(model: str, release: ReleaseManifest) -> None:
    names: set[str] = set()
    ports = {release.port}
    for extra in release.extra_modules:
        name = extra.name
        if not _MODULE.fullmatch(name) or name in _OWN_MODULES or name in names:
            raise ConfigurationError(
                f"a module of {model} cannot be called {name!r}",
                why="it needs lower-case letters, digits and _, at most 31, and a name of its own",
                remedy="correct the name under modules in model.yaml",
            )
        names.add(name)
        if extra.port is not None and (not 1 <= extra.port <= 65535 or extra.port in ports):
            raise ConfigurationError(
                f"port {extra.port} of module {name} is not free",
                why="ports are from 1 to 65535, and no two modules of a release share one",
            )
        ports |= {extra.port} if extra.port is not None else set()
        for variable in extra.env:
            if not _VARIABLE.fullmatch(variable):
                raise ConfigurationError(f"module {name}: {variable!r} is no name of a variable")
        for folder in extra.folders:
            if not _FOLDER.fullmatch(folder) or ".." in folder:
                raise ConfigurationError(
                    f"module {name}: {folder!r} is no folder",
                    remedy="give an absolute path such as /data",
                )
