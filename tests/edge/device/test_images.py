from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.device.images import ImageShelf, RegistryImages
from edge.device.manifest import ModuleSpec
from edge.device.plan import ImageStatus
from edge.device.testing import FakeImages, Inline
from protos.errors import ConfigurationError, NotFound, Unavailable

IMAGE = "localhost:1/scorer@sha256:" + "a" * 64


def test_an_image_that_arrived_is_ready(tmp_path: Path) -> None:
    shelf = ImageShelf(FakeImages(tmp_path), Inline())
    shelf.fetch(ModuleSpec("m", IMAGE), tmp_path / "model", {})
    assert shelf.states()["m", IMAGE].status is ImageStatus.PULLING
    shelf.collect(5.0)
    assert shelf.states()["m", IMAGE].status is ImageStatus.READY
    assert shelf.get(("m", IMAGE)).model == tmp_path / "model"


def test_failures_are_counted_and_their_reason_stays_while_it_is_tried_again(
    tmp_path: Path,
) -> None:
    images = FakeImages(tmp_path)
    images.missing.add(IMAGE)
    shelf = ImageShelf(images, Inline())
    for attempt in (1, 2):
        shelf.fetch(ModuleSpec("m", IMAGE), tmp_path, {})
        shelf.collect(5.0 * attempt)
        state = shelf.states()["m", IMAGE]
        assert (state.status, state.attempts, state.failed_at) == (
            ImageStatus.FAILED,
            attempt,
            5.0 * attempt,
        )
    shelf.fetch(ModuleSpec("m", IMAGE), tmp_path, {})
    assert "the registry does not answer" in shelf.states()["m", IMAGE].reason


def test_images_that_nobody_wants_are_forgotten(tmp_path: Path) -> None:
    shelf = ImageShelf(FakeImages(tmp_path), Inline())
    shelf.fetch(ModuleSpec("m", IMAGE), tmp_path / "model", {})
    shelf.keep(set())
    assert ("m", IMAGE) in shelf.states()  # it is under way
    shelf.collect(1.0)
    shelf.keep(set())
    assert not shelf.states()


def test_an_image_that_must_not_be_pulled_has_to_be_there(tmp_path: Path) -> None:
    images = RegistryImages(tmp_path, {})
    with pytest.raises(NotFound, match="imagePullPolicy"):
        images.prepare(IMAGE, tmp_path / "model", pull=False, credentials={})


def test_a_tag_is_not_pulled(tmp_path: Path) -> None:
    images = RegistryImages(tmp_path, {})
    with pytest.raises(ConfigurationError, match="not named by digest"):
        images.prepare("localhost:1/scorer:1.0", tmp_path, pull=True, credentials={})


def test_a_registry_that_is_away_is_a_failed_pull(tmp_path: Path) -> None:
    shelf = ImageShelf(RegistryImages(tmp_path, {}), Inline())
    shelf.fetch(ModuleSpec("m", IMAGE), tmp_path / "model", {})
    shelf.collect(1.0)
    assert shelf.states()["m", IMAGE].status is ImageStatus.FAILED


def test_an_agent_is_not_held_up_by_a_pull(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        shelf = ImageShelf(FakeImages(tmp_path), pool)
        shelf.fetch(ModuleSpec("m", IMAGE), tmp_path / "model", {})
        pool.shutdown(wait=True)
        shelf.collect(1.0)
    assert shelf.states()["m", IMAGE].status is ImageStatus.READY


def test_unavailable_is_what_the_fake_raises_too(tmp_path: Path) -> None:
    images = FakeImages(tmp_path)
    images.missing.add(IMAGE)
    with pytest.raises(Unavailable):
        images.prepare(IMAGE, tmp_path, pull=True, credentials={})
