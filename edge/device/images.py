"""Images on their way to a device: pulled by digest, checked, unpacked, beside the agent's work."""

import logging
from collections.abc import Collection, Mapping
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from edge.device.manifest import ModuleSpec
from edge.device.plan import ImageKey, ImageState, ImageStatus
from edge.oci import BlobStore, ImageReference, RegistryClient, UnpackedImage, unpack
from edge.oci.retry import Retries
from protos.errors import ConfigurationError, NotFound

# A pull that fails is tried again by the agent, which says so in its report meanwhile.
_RETRIES = Retries(attempts=2)
Credentials = Mapping[str, tuple[str, str]]
_log = logging.getLogger(__name__)


class ImageSource(Protocol):
    """Where images come from."""

    def prepare(
        self, image: str, model: Path, *, pull: bool, credentials: Credentials
    ) -> UnpackedImage:
        """Gets `image` ready to run, its last layer in `model`. Raises EdgeAssetsError if not."""
        ...


class RegistryImages:
    """Images from registries. Blobs and root file systems are shared by the devices of a fleet.

    `authorities` maps a registry's address to the file of the CA that its certificate is signed
    by; registries that are not named there are checked against the system's.
    """

    def __init__(self, root: Path, authorities: Mapping[str, Path]) -> None:
        self._store = BlobStore(root / "blobs")
        self._cache = root / "rootfs"
        self._authorities = dict(authorities)

    def prepare(
        self, image: str, model: Path, *, pull: bool, credentials: Credentials
    ) -> UnpackedImage:
        """Unpacks what is in the store, after pulling what is missing.

        With `pull` False the image must be there. Raises IntegrityError for bytes that do not have
        their digest, Unavailable for a registry that does not answer.
        """
        reference = ImageReference.parse(image)
        if reference.digest is None:
            raise ConfigurationError(f"image {image} is not named by digest")
        if pull:
            # Every blob is looked at again, so a damaged store heals; nothing whole is fetched.
            username, password = credentials.get(reference.registry, (None, None))
            client = RegistryClient(
                reference.registry,
                ca=self._authorities.get(reference.registry),
                username=username,
                password=password,
                retries=_RETRIES,
            )
            report = client.pull(reference.repository, reference.digest, self._store)
            if report.blobs_fetched:
                _log.info("pulled %s: %d bytes", image, report.bytes_fetched)
        elif not self._store.has(reference.digest):
            raise NotFound(
                f"image {image} is not on the device", why="its imagePullPolicy is never"
            )
        return unpack(self._store, reference.digest, self._cache, model)


class ImageShelf:
    """The images of one device: those under way, those that failed, those that are ready."""

    def __init__(self, source: ImageSource, executor: Executor) -> None:
        self._source, self._executor = source, executor
        self._states: dict[ImageKey, ImageState] = {}
        self._ready: dict[ImageKey, UnpackedImage] = {}
        self._futures: dict[ImageKey, Future[UnpackedImage]] = {}

    def fetch(self, spec: ModuleSpec, model: Path, credentials: Credentials) -> None:
        """Begins to get the image of `spec`; the outcome shows after a later `collect`."""
        key = (spec.name, spec.image)
        state = self._states.get(key, ImageState(ImageStatus.PULLING))
        self._states[key] = replace(state, status=ImageStatus.PULLING)
        self._futures[key] = self._executor.submit(
            self._source.prepare,
            spec.image,
            model,
            pull=spec.pull_policy != "never",
            credentials=credentials,
        )

    def collect(self, now: float) -> None:
        """Takes note of the images that have arrived or failed."""
        for key, future in list(self._futures.items()):
            if not future.done():
                continue
            del self._futures[key]
            attempts = self._states[key].attempts
            try:
                self._ready[key] = future.result()
            except Exception as error:
                # Whatever it was, the pull has failed, is reported as such, and is tried again.
                reason = f"image {key[1]}: {error}"
                _log.warning("%s: %s", key[0], reason)
                self._states[key] = ImageState(ImageStatus.FAILED, attempts + 1, now, reason)
            else:
                self._states[key] = ImageState(ImageStatus.READY)

    def keep(self, wanted: Collection[ImageKey]) -> None:
        """Forgets images that nobody wants any more; one under way is forgotten when it is done."""
        for key in [key for key in self._states if key not in wanted and key not in self._futures]:
            del self._states[key]
            self._ready.pop(key, None)

    def states(self) -> Mapping[ImageKey, ImageState]:
        """How far each image is."""
        return self._states

    def get(self, key: ImageKey) -> UnpackedImage:
        """An image that is ready."""
        return self._ready[key]
