"""Settings of the web application, from the environment only."""

import os
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.modules.environment import number_setting
from edge.webapp.contract import Contract
from edge.webapp.database import Database, read_database_url
from protos.errors import ConfigurationError

DEFAULT_ADDRESS = "0.0.0.0:8090"
SHORTEST_SECRET_KEY = 32


@dataclass(frozen=True)
class Account:
    """The first account; the password is in no representation of it."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Config:
    """What runs where. Times are in seconds.

    `hosts` are the names under which browsers reach the register, beside IP addresses and
    localhost. `secret_key` and `account` are None where the environment does not tell them: both
    are made then, once, in the folder `data`.
    """

    host: str
    port: int
    data: Path
    database: Database
    target: str
    model: str
    contract: Contract
    secret_key: str | None = field(default=None, repr=False)
    account: Account | None = None
    hosts: tuple[str, ...] = ()
    https: bool = False
    time_zone: str = "UTC"
    threads: int = 8
    model_seconds: float = 2.0
    retry_seconds: float = 10.0
    upload_seconds: float = 60.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Config":
        """Reads WEBAPP_*, DATABASE_URL, INFERENCE_TARGET and MODEL_NAME.

        Raises ConfigurationError; its text holds no secret.
        """
        host, port = _address(environ.get("WEBAPP_ADDRESS", "") or DEFAULT_ADDRESS)
        data = Path(environ.get("WEBAPP_DATA", "") or "/data").absolute()
        return cls(
            host=host,
            port=port,
            data=data,
            database=read_database_url(environ.get("DATABASE_URL", ""), data / "register.sqlite3"),
            target=_target(environ.get("INFERENCE_TARGET", "") or "compliance:8081"),
            model=environ.get("MODEL_NAME", "") or "compliance",
            contract=Contract.load(
                Path(environ.get("WEBAPP_CONTRACT", "") or "/contract/model.json")
            ),
            secret_key=_secret_key(environ.get("WEBAPP_SECRET_KEY", "")),
            account=_account(environ),
            hosts=_hosts(environ),
            https=_switch(environ, "WEBAPP_HTTPS"),
            time_zone=_time_zone(environ.get("WEBAPP_TIME_ZONE", "") or cls.time_zone),
            threads=int(number_setting(environ, "WEBAPP_THREADS", cls.threads, 1, 64)),
            model_seconds=number_setting(
                environ, "WEBAPP_MODEL_SECONDS", cls.model_seconds, 0.05, 30
            ),
            retry_seconds=number_setting(
                environ, "WEBAPP_RETRY_SECONDS", cls.retry_seconds, 0.1, 3600
            ),
            upload_seconds=number_setting(
                environ, "WEBAPP_UPLOAD_SECONDS", cls.upload_seconds, 0.1, 86400
            ),
        )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(
            f"WEBAPP_ADDRESS is {text!r}",
            why="it must be host:port",
            remedy=f"set it to such as {DEFAULT_ADDRESS}, or unset it",
        )
    return host.strip("[]"), int(port)


def _target(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        raise ConfigurationError(
            f"INFERENCE_TARGET is {text!r}",
            why="the register must know whom to ask",
            remedy="set it to host:port of the inference service",
        )
    return text


def _secret_key(text: str) -> str | None:
    if text and len(text) < SHORTEST_SECRET_KEY:
        raise ConfigurationError(
            "WEBAPP_SECRET_KEY is too short to be secret",
            why=f"it has {len(text)} characters, {SHORTEST_SECRET_KEY} are the least",
            remedy="set a longer one, or unset it: one is made and kept in WEBAPP_DATA",
        )
    return text or None


def _account(environ: Mapping[str, str]) -> Account | None:
    name = environ.get("WEBAPP_ADMIN_USER", "")
    password = environ.get("WEBAPP_ADMIN_PASSWORD", "")
    if bool(name) != bool(password):
        missing = "WEBAPP_ADMIN_PASSWORD" if name else "WEBAPP_ADMIN_USER"
        raise ConfigurationError(
            f"{missing} is not set",
            why="the first account needs a name and a password",
            remedy="set both, or neither: a password is made then, in a file in WEBAPP_DATA",
        )
    return Account(name, password) if name else None


def _hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    names = [
        *environ.get("WEBAPP_HOSTS", "").split(","),
        environ.get("IOTEDGE_GATEWAYHOSTNAME", ""),
    ]
    found = tuple(name.strip().lower() for name in names if name.strip())
    for name in found:
        if "/" in name or ":" in name or "*" in name:
            raise ConfigurationError(
                f"WEBAPP_HOSTS names {name!r}",
                why="it holds names of hosts only: no scheme, port or wildcard",
                remedy="set it to such as register.example.com,line-1",
            )
    return found


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").strip().lower() or "off"
    if text not in ("on", "off"):
        raise ConfigurationError(f"{name} is {text!r}", why="it is on or off", remedy="set it so")
    return text == "on"


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"WEBAPP_TIME_ZONE is {name!r}",
            why="no such time zone is known here",
            remedy="set it to such as Europe/Berlin, or unset it for UTC",
        ) from None
    return name
