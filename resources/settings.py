"""Settings: a named environment's file without secrets, and over it environment variables.

`environments/<name>.yaml` holds what may be read by everyone. Secrets are read from environment
variables only; for the environment `local` also from `EDGE_HOME/local.env`, which `edgectl up`
writes for its user alone. A variable beats the file.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_assets.core.config_schema import Ring

ENVIRONMENTS = Path(__file__).resolve().parents[1] / "environments"

VARIABLES = {
    "home": "EDGE_HOME",
    "hub_connection_string": "EDGE_HUB_CONNECTION_STRING",
    "hub_ca": "EDGE_HUB_CA",
    "hub_gateway": "EDGE_HUB_GATEWAY",
    "registry_host": "EDGE_REGISTRY",
    "registry_ca": "EDGE_REGISTRY_CA",
    "registry_username": "EDGE_REGISTRY_USERNAME",
    "registry_password": "EDGE_REGISTRY_PASSWORD",
    "artifacts": "EDGE_ARTIFACTS",
    "telemetry": "EDGE_TELEMETRY",
    "landing": "EDGE_LANDING",
    "quarantine": "EDGE_QUARANTINE",
    "fleet_key": "EDGE_FLEET_KEY",
    "runtime": "EDGE_RUNTIME",
    "alert_to": "EDGE_ALERT_TO",
    "alert_from": "EDGE_ALERT_FROM",
    "alert_webhook": "EDGE_ALERT_WEBHOOK",
    "smtp_host": "EDGE_SMTP_HOST",
    "smtp_port": "EDGE_SMTP_PORT",
    "smtp_tls": "EDGE_SMTP_TLS",
    "smtp_ca": "EDGE_SMTP_CA",
    "smtp_username": "EDGE_SMTP_USERNAME",
    "smtp_password": "EDGE_SMTP_PASSWORD",
    "dagster_url": "EDGE_DAGSTER_URL",
}
"""The environment variable behind each field of `Settings`."""


def _address(value: str) -> str:
    if not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", value):
        raise ValueError("it is no e-mail address, as ada@example.org is one")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]\S*", value):
        raise ValueError("it does not begin with http:// or https://, or has no host")
    return value


Address = Annotated[str, AfterValidator(_address)]
"""An e-mail address, without a name beside it."""

_CONNECTION_STRING = ("HostName", "SharedAccessKeyName", "SharedAccessKey")


class PublicSettings(BaseModel):
    """What an environment's file may hold; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Path(".edge")
    hub_ca: Path | None = None
    hub_gateway: str | None = None
    registry_host: str | None = Field(default=None, alias="registry")
    registry_ca: Path | None = None
    registry_username: str | None = None
    artifacts: str = ""
    telemetry: str = ""
    landing: str = ""
    quarantine: str = ""
    runtime: str | None = None
    rollout_poll_seconds: float = Field(default=10.0, gt=0.0)
    telemetry_lag_seconds: float = Field(default=150.0, ge=0.0)
    """How long a message may take from the hub to storage: its routing writes in batches."""
    soak_seconds_at_most: float | None = Field(default=None, ge=0.0)
    """Caps the soak time of every ring: for machines where nobody waits for half an hour."""
    alert_to: tuple[Address, ...] = ()
    """Who is told by e-mail; nobody when it is empty."""
    alert_from: Address | None = None
    alert_cooldown_seconds: float = Field(default=3600.0, ge=0.0, le=30 * 86400.0)
    """How long repeats of what was told are held back, to be told together."""
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_ca: Path | None = None
    smtp_username: str | None = None
    dagster_url: Annotated[str, AfterValidator(_url)] | None = None
    """Where people open Dagster's UI; alerts link to it."""

    @field_validator("alert_to", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A variable holds addresses separated by commas."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


class Settings(PublicSettings):
    """All settings of one environment. Paths are absolute, URLs are fsspec URLs or paths."""

    model_config = ConfigDict(populate_by_name=True)

    environment: str
    hub_connection_string: SecretStr | None = None
    registry_password: SecretStr | None = None
    fleet_key: SecretStr | None = None
    alert_webhook: SecretStr | None = None
    smtp_password: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _defaults_below_home(cls, values: dict[str, Any]) -> dict[str, Any]:
        home = Path(values.get("home") or ".edge").absolute()
        below = {
            "artifacts": home / "artifacts",
            "telemetry": home / "hub" / "telemetry",
            "landing": home / "landing",
            "quarantine": home / "quarantine",
        }
        return {**{key: str(path) for key, path in below.items()}, **values, "home": home}

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if self.hub_connection_string is not None:
            parts = self.hub_connection_string.get_secret_value().split(";")
            missing = set(_CONNECTION_STRING) - {part.partition("=")[0] for part in parts}
            if missing:
                raise ValueError(
                    f"{VARIABLES['hub_connection_string']} lacks {', '.join(sorted(missing))}"
                )
        if self.fleet_key is not None:
            try:
                base64.b64decode(self.fleet_key.get_secret_value(), validate=True)
            except binascii.Error:
                raise ValueError(f"{VARIABLES['fleet_key']} is not base64") from None
        for field in ("hub_ca", "registry_ca", "smtp_ca"):
            path = getattr(self, field)
            if path is not None and not path.is_file():
                raise ValueError(f"{VARIABLES[field]} names {path}, which is no file")
        return self

    @property
    def registry(self) -> str:
        """Host and port of the registry; ConfigurationError when there is none."""
        if self.registry_host is None:
            raise _missing("registry_host", self.environment)
        return self.registry_host

    def required_hub(self) -> str:
        """The hub's connection string, a secret; ConfigurationError when there is none."""
        if self.hub_connection_string is None:
            raise _missing("hub_connection_string", self.environment)
        return self.hub_connection_string.get_secret_value()

    def required_fleet_key(self) -> str:
        """The fleet's group key in base64, a secret; ConfigurationError when there is none."""
        if self.fleet_key is None:
            raise _missing("fleet_key", self.environment)
        return self.fleet_key.get_secret_value()

    def secrets(self) -> set[str]:
        """Every secret, and the key in the connection string: texts must not hold any of them."""
        values = [value for _, value in self if isinstance(value, SecretStr)]
        found = {value.get_secret_value() for value in values}
        for part in (part for value in found.copy() for part in value.split(";")):
            name, _, key = part.partition("=")
            if name == "SharedAccessKey":
                found.add(key)
        return found - {""}

    def rings(self, rings: Sequence["Ring"]) -> list["Ring"]:
        """The rings as this environment wants them: soak times capped, all else as declared."""
        if self.soak_seconds_at_most is None:
            return list(rings)
        cap = self.soak_seconds_at_most
        return [
            ring.model_copy(update={"soak_seconds": min(ring.soak_seconds, cap)}) for ring in rings
        ]


def load_settings(
    env: Mapping[str, str] = os.environ, environments: Path = ENVIRONMENTS
) -> Settings:
    """The settings of the environment that EDGE_ENVIRONMENT names (`local` when unset).

    Raises:
        ConfigurationError: no such environment, an unknown key, a malformed value, a `local.env`
            that others may read. The message names the variable or key, never its value if secret.
    """
    name = env.get("EDGE_ENVIRONMENT") or "local"
    file = _environment_file(name, environments)
    values: dict[str, Any] = _read_yaml(file)
    if "registry" in values:
        values["registry_host"] = values.pop("registry")
    home = Path(env.get("EDGE_HOME") or values.get("home") or ".edge").expanduser()
    variables = dict(read_env_file(home / "local.env")) if name == "local" else {}
    variables.update({key: value for key, value in env.items() if value})
    for field, variable in VARIABLES.items():
        if variables.get(variable):
            values[field] = variables[variable]
    try:
        return Settings.model_validate({**values, "environment": name, "home": home})
    except ValidationError as error:
        raise ConfigurationError(
            f"the settings of the environment '{name}' are wrong",
            why=_mistakes(error),
            remedy=f"correct the variable, or the key in {file}",
        ) from None


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of `path`; empty when it is not there.

    Raises ConfigurationError when anybody but its owner may read it, or a line is none of these.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read", why=type(error).__name__, remedy=f"look at: ls -l {path}"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"{path} is not used",
            why="it holds secrets and others may read it",
            remedy=f"chmod 600 {path}",
        )
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            raise ConfigurationError(
                f"{path} line {number} is not NAME=value", remedy=f"correct or delete {path}"
            )
        found[name] = value
    return found


def _missing(field: str, environment: str) -> ConfigurationError:
    variable = VARIABLES[field]
    remedy = "start everything with `edgectl up`" if environment == "local" else f"set {variable}"
    return ConfigurationError(
        f"{variable} is not set", why=f"the environment is '{environment}'", remedy=remedy
    )


def _environment_file(name: str, environments: Path) -> Path:
    file = environments / f"{name}.yaml"
    if re.fullmatch(r"[a-z][a-z0-9-]*", name) and file.is_file():
        return file
    known = ", ".join(sorted(path.stem for path in environments.glob("*.yaml"))) or "none"
    raise ConfigurationError(
        f"there is no environment '{name}'",
        why=f"known are: {known}",
        remedy=f"correct EDGE_ENVIRONMENT, or write {file}",
    )


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        PublicSettings.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(
            f"{file} is wrong",
            why=_mistakes(error),
            remedy="correct the key; secrets belong in environment variables",
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(
            f"{file} is not YAML",
            why=f"line {mark.line + 1}" if mark else "",
            remedy="correct the line",
        ) from None
    return dict(values)


def _mistakes(error: ValidationError) -> str:
    said = []
    for mistake in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(str(part) for part in mistake["loc"])
        text = mistake["msg"].removeprefix("Value error, ")
        key = field.partition(".")[0]
        variable = VARIABLES.get("registry_host" if key == "registry" else key)
        said.append(f"{field}{f' ({variable})' if variable else ''}: {text}" if field else text)
    return "; ".join(said)
