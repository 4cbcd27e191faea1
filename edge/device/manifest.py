"""Desired properties of `$edgeAgent` as plain data. A pure reader that refuses what is wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.device.create_options import CreateOptions, join_create_options, parse_create_options
from protos.digests import digest_json, is_digest
from protos.errors import ConfigurationError

CONFIG_FORMAT_ERROR = 400
INVALID_SCHEMA_VERSION = 412
CONFIG_EMPTY = 417

LAST_TO_START = 2**32 - 1  # the agent's default startupOrder: after everything that names one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_SCHEMA = re.compile(r"1\.\d+(\.\d+)?")
_STATUSES = ("running", "stopped")
_RESTART_POLICIES = ("never", "on-failure", "on-unhealthy", "always")
_PULL_POLICIES = ("on-create", "never")


class ManifestError(ConfigurationError):
    """The hub asks for something that cannot be done as written; `code` goes into the report."""

    def __init__(self, code: int, what: str, *, why: str = "") -> None:
        super().__init__(what, why=why)
        self.code = code


@dataclass(frozen=True)
class ModuleSpec:
    """One desired module. `definition` changes with whatever makes a new process necessary."""

    name: str
    image: str
    options: CreateOptions = field(default_factory=CreateOptions)
    settings: Mapping[str, str] = field(default_factory=dict)
    env: tuple[tuple[str, str], ...] = ()
    status: str = "running"
    restart_policy: str = "always"
    pull_policy: str = "on-create"
    startup_order: int = LAST_TO_START
    version: str = ""
    definition: str = ""


@dataclass(frozen=True)
class DesiredState:
    """What the hub wants of a device: the twin's `version` and the modules by name.

    `credentials` maps a registry's address to user name and password; they are never reported.
    """

    version: int
    modules: Mapping[str, ModuleSpec]
    system: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def parse_desired(properties: Mapping[str, Any], *, require_digests: bool = True) -> DesiredState:
    """Reads the desired properties of `$edgeAgent`, `$version` included.

    Raises ManifestError: 417 when there is no deployment at all, 412 for a schema other than
    1.x, 400 for everything else that is malformed. With `require_digests`, an image named by a tag
    is refused: what a tag means can change behind the device's back.
    """
    if not [key for key in properties if not key.startswith("$")]:
        raise ManifestError(CONFIG_EMPTY, "the device has no deployment")
    schema = properties.get("schemaVersion")
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise ManifestError(INVALID_SCHEMA_VERSION, f"schemaVersion {schema!r} is not 1.x")
    modules = _section(properties, "modules")
    runtime = _section(properties, "runtime")
    return DesiredState(
        version=int(properties.get("$version", 0)),
        modules={name: _module(name, spec, require_digests) for name, spec in modules.items()},
        system=_section(properties, "systemModules"),
        runtime=runtime,
        credentials=_credentials(runtime),
    )


def _section(properties: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = properties.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict) or not all(
        isinstance(value, dict) or key == "runtime" for value in section.values()
    ):
        raise ManifestError(CONFIG_FORMAT_ERROR, f"{key} is not an object of objects")
    return section


def _module(name: str, spec: Mapping[str, Any], require_digests: bool) -> ModuleSpec:
    if not _NAME.fullmatch(name):
        raise ManifestError(CONFIG_FORMAT_ERROR, f"{name!r} is no name for a module")
    if spec.get("type", "docker") != "docker":
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name}: type is not docker")
    settings = spec.get("settings")
    if not isinstance(settings, dict):
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name} has no settings")
    image = _image(name, settings.get("image"), require_digests)
    try:
        text = join_create_options(settings)
        options = parse_create_options(text)
    except ConfigurationError as error:
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name}", why=str(error)) from error
    env = _env(name, spec.get("env"))
    order = spec.get("startupOrder", LAST_TO_START)
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name}: startupOrder {order!r}")
    version = str(spec.get("version", ""))
    return ModuleSpec(
        name=name,
        image=image,
        options=options,
        settings={key: str(value) for key, value in settings.items()},
        env=env,
        status=_one_of(name, spec, "status", _STATUSES, "running"),
        restart_policy=_one_of(name, spec, "restartPolicy", _RESTART_POLICIES, "always"),
        pull_policy=_one_of(name, spec, "imagePullPolicy", _PULL_POLICIES, "on-create"),
        startup_order=order,
        version=version,
        definition=digest_json([image, text, env, version]),
    )


def _image(name: str, image: Any, require_digests: bool) -> str:
    if not isinstance(image, str) or not image.strip():
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name} has no image")
    image = image.strip()
    if require_digests and not is_digest(image.partition("@")[2]):
        raise ManifestError(
            CONFIG_FORMAT_ERROR,
            f"module {name}: image {image} is not named by digest",
            why="a tag can be moved, a digest cannot",
        )
    return str(image)


def _one_of(
    name: str, spec: Mapping[str, Any], key: str, words: tuple[str, ...], default: str
) -> str:
    word = spec.get(key, default)
    if word not in words:
        raise ManifestError(
            CONFIG_FORMAT_ERROR, f"module {name}: {key} {word!r} is none of {', '.join(words)}"
        )
    return str(word)


def _env(name: str, env: Any) -> tuple[tuple[str, str], ...]:
    if env is None:
        return ()
    if not isinstance(env, dict):
        raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name}: env is not an object")
    pairs = []
    for key, entry in sorted(env.items()):
        value = entry.get("value") if isinstance(entry, dict) else None
        if not isinstance(value, str | int | float):
            raise ManifestError(CONFIG_FORMAT_ERROR, f"module {name}: env {key} has no value")
        pairs.append((key, str(value)))
    return tuple(pairs)


def _credentials(runtime: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    settings = runtime.get("settings")
    entries = settings.get("registryCredentials") if isinstance(settings, dict) else None
    if not isinstance(entries, dict):
        return {}
    return {
        str(entry["address"]): (str(entry.get("username", "")), str(entry.get("password", "")))
        for entry in entries.values()
        if isinstance(entry, dict) and "address" in entry
    }
