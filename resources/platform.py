"""The one Dagster resource: the way from an asset to the artifact store, the hub and the registry.

Everything behind it is chosen by settings, so local and production run the same code.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from resources.artifact_store import ArtifactStore
from resources.settings import Settings, load_settings

if TYPE_CHECKING:
    from edge.oci.client import RegistryClient
    from edge.oci.store import BlobStore
    from resources.alerts import Channel
    from resources.hub import Hub
    from resources.telemetry import Telemetry


class Platform:
    """Adapters made from the settings, each on first use.

    A plain object, not a configurable resource: its settings hold secrets, and Dagster records the
    configuration of resources with every run.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment

    @cached_property
    def settings(self) -> Settings:
        """The settings, read when they are first needed."""
        return load_settings(os.environ if self._environment is None else self._environment)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """The artifact store."""
        return ArtifactStore(self.settings.artifacts)

    @cached_property
    def hub(self) -> "Hub":
        """The IoT hub."""
        from resources.hub import Hub

        return Hub.from_settings(self.settings)

    @cached_property
    def telemetry(self) -> "Telemetry":
        """What devices sent, as the hub routed it to storage."""
        from resources.telemetry import Telemetry

        return Telemetry(self.settings.telemetry)

    @cached_property
    def alerts(self) -> "list[Channel]":
        """The ways by which people are told; none where nothing is configured."""
        from resources.alerts import channels_of

        return channels_of(self.settings)

    @cached_property
    def work(self) -> Path:
        """A folder for caches: losing it costs time, nothing else."""
        folder = self.settings.home / "work"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def images(self) -> "BlobStore":
        """The images that were built here, as an OCI layout."""
        from edge.oci.store import BlobStore

        return BlobStore(self.work / "images")

    @cached_property
    def registry(self) -> "RegistryClient":
        """The registry, as one who may push."""
        from edge.oci.client import RegistryClient

        settings = self.settings
        return RegistryClient(
            settings.registry,
            ca=settings.registry_ca,
            username=settings.registry_username,
            password=settings.registry_password.get_secret_value()
            if settings.registry_password
            else None,
        )
