from dataclasses import replace

import pytest

from edge_assets.core.fleet import DeviceObservation, ModuleObservation
from edge_assets.why import ORDER, batches, explain
from protos.errors import NotFound
from tests.edge_assets.bench import Bench, digest_of, image_of, model_of


def device(release: str | None, served: str | None) -> DeviceObservation:
    smoke = {"release": release, "served_digest": served}
    module = ModuleObservation(reported_image="registry/nyc_taxi@sha256:1")
    return DeviceObservation(
        "line-1", tags={"ring": "canary"}, modules={"nyc_taxi": module}, smoke=smoke
    )


def test_a_device_is_explained_down_to_its_batches(bench: Bench) -> None:
    release = bench.release()
    links = explain(device(release, model_of("one")), "nyc_taxi", bench.platform.artifacts)
    assert [link.kind for link in links] == [
        "device",
        *(kind for kind in ORDER if kind != "features"),
    ]
    by_kind = {link.kind: link for link in links}
    assert by_kind["device"].digest == model_of("one")
    assert "line-1, ring canary: serves the released model" in by_kind["device"].detail
    assert by_kind["release"].digest == release
    assert by_kind["release"].detail == "number 1, approved by Ada: good"
    assert by_kind["container_image"].digest == image_of("one")
    assert by_kind["onnx_model"].digest == by_kind["device"].digest
    assert by_kind["trained_model"].detail == "rmse 2.5"
    assert by_kind["dataset"].detail == "6 rows to train, 2 held out, 1 batches"
    assert by_kind["raw_batch"].detail == "one.csv: 8 of 9 rows kept"
    assert batches(links) == [digest_of("one")]


def test_a_device_that_serves_something_else_is_told(bench: Bench) -> None:
    release = bench.release()
    other = device(release, digest_of("another model"))
    first = explain(other, "nyc_taxi", bench.platform.artifacts)[0]
    assert first.digest == digest_of("another model")
    assert "NOT the released model" in first.detail


def test_a_device_that_serves_nothing_is_told(bench: Bench) -> None:
    silent = replace(device(bench.release(), None), modules={})
    first = explain(silent, "nyc_taxi", bench.platform.artifacts)[0]
    assert first.digest == "nothing is served"
    assert "runs nothing" in first.detail


@pytest.mark.parametrize("smoke", [None, {}, {"release": ""}])
def test_a_device_without_a_release_cannot_be_explained(
    bench: Bench, smoke: dict[str, str] | None
) -> None:
    bare = replace(device(None, None), smoke=smoke)
    with pytest.raises(NotFound, match="has not reported any release") as told:
        explain(bare, "nyc_taxi", bench.platform.artifacts)
    assert "edgectl fleet show line-1" in told.value.remedy
