"""Which edge models a command is about, when several are known and none, or few, are deployed."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from edgectl.seeding import known_models
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from resources.hub import Hub

FIRST_MODEL = "nyc_taxi"
"""What next steps speak of while nothing is deployed: the edge model of the tutorial."""

model_option = click.option(
    "--model", default=None, help="Edge model; default the one that is deployed."
)


def deployed_among(configurations: Iterable[str], known: Sequence[str]) -> list[str]:
    """The edge models of which a release is at the hub, by the ids of its configurations."""
    released = {name.rpartition("-r")[0] for name in configurations}
    return [model for model in known if model in released]


def deployed_models(hub: "Hub | None" = None) -> list[str]:
    """The edge models of which a release is at the hub, by default that of the settings.

    Raises Unavailable, ConfigurationError.
    """
    if hub is None:
        from resources.hub import Hub
        from resources.settings import load_settings

        hub = Hub.from_settings(load_settings())
    return deployed_among([found.id for found in hub.configurations()], known_models())


def first_model(known: Sequence[str]) -> str:
    """What to speak of while nothing is deployed."""
    return FIRST_MODEL if FIRST_MODEL in known else known[0]


def chosen_model(model: str | None, deployed: Callable[[], Sequence[str]] = deployed_models) -> str:
    """The edge model that was meant: the named one, or else the only one that is deployed.

    While none is deployed, it is the one of which next steps speak.

    Raises ConfigurationError when that is not clear.
    """
    known = known_models()
    if model in known:
        return model
    if model is not None:
        raise ConfigurationError(
            f"there is no edge model '{model}'",
            why=f"known are: {', '.join(known) or 'none'}",
            remedy="name one with --model",
        )
    if len(known) == 1:
        return known[0]
    found = deployed()
    if len(found) < 2:
        return found[0] if found else first_model(known)
    raise ConfigurationError(
        "it is not said which edge model",
        why=f"deployed are: {', '.join(found)}",
        remedy="name one with --model",
    )


def shown_models(
    model: str | None, deployed: Callable[[], Sequence[str]] = deployed_models
) -> list[str]:
    """The edge models to show: the named one, or all that are deployed; at least one.

    Raises ConfigurationError when the named one is not known.
    """
    if model is not None:
        return [chosen_model(model)]
    return list(deployed()) or [first_model(known_models())]
