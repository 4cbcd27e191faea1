"""The champion gate through the real asset: a model must beat what the last release carries."""

import pytest

from protos.errors import GateClosed
from tests.edge_assets.bench import Bench, image_of


@pytest.fixture
def released(bench: Bench) -> Bench:
    """A release of a really trained model; only its image is pretended."""
    bench.accept("a.csv", bench.sample(1))
    assert bench.run("dataset", "trained_model", "onnx_model") is None
    onnx = bench.newest("onnx_model")
    image = {"image": image_of("one"), "smoke_test_image": image_of("smoke test")}
    bench.pretend("container_image", {"inputs": {"onnx_model": onnx}, **image})
    first = bench.document("trained_model")
    assert first["champion"] is None
    assert "no champion yet" in first["gates"]["champion"]["reason"]
    assert bench.approve() is None
    return bench


def test_candidates_are_compared_with_the_released_model(released: Bench) -> None:
    champion = released.document("release")["model_digest"]

    assert released.run("trained_model") is None, "the identical model passes"
    same = released.document("trained_model")
    assert same["champion"] == champion
    assert "it is the champion" in same["gates"]["champion"]["reason"]

    released.train_with(max_iter=20)
    closed = released.run("trained_model", "onnx_model")
    assert isinstance(closed, GateClosed)
    assert "champion" in str(closed)
    worse = released.document("trained_model")
    assert worse["gates"]["metric_floors"]["passed"], "it is the champion that stops it"
    assert not worse["gates"]["champion"]["passed"]
    assert isinstance(released.run("onnx_model"), GateClosed), "a later run is refused as well"

    released.train_with(max_iter=150)
    assert released.run("trained_model", "onnx_model") is None
    better = released.document("trained_model")
    assert better["champion"] == champion
    assert "smaller" in better["gates"]["champion"]["reason"]


def test_a_new_batch_is_judged_on_old_and_new_rows(released: Bench) -> None:
    released.accept("b.csv", released.sample(2))
    released.train_with(max_iter=150)
    run = released.materialize("dataset", "trained_model")
    assert run.success
    (verdict,) = [
        found.metadata["verdict"].value
        for found in run.get_asset_check_evaluations()
        if found.check_name == "champion"
    ]
    assert isinstance(verdict, dict)
    for segment in ("combined", "frozen", "newest"):
        assert f"'name': '{segment}'" in verdict["segments"]
