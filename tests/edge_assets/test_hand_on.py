"""A release goes from one environment to another, each with a registry and a store of its own."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from edge.oci import BlobStore
from edge_assets.core.fleet import DeviceObservation
from edge_assets.hand_on import received
from edge_assets.lineage import follow, gate
from edge_assets.release_manifest import images_of
from edge_assets.why import batches, explain
from protos.digests import is_digest
from protos.errors import (
    ApprovalMissing,
    ConfigurationError,
    GateClosed,
    IntegrityError,
    Unavailable,
)
from tests.edge_assets.fake_hub import FakeHub
from tests.edge_assets.handing_on import (
    Site,
    export,
    index_of,
    opened_site,
    pretend_candidate,
    spoiled,
    state,
    take_in,
    train_candidate,
)

WHO = {"approver": "Grace", "reason": "as in staging"}


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory, blank: Path) -> Iterator[Site]:
    """An environment with a release of a really trained model."""
    home = tmp_path_factory.mktemp("staging")
    with pytest.MonkeyPatch.context() as patch, opened_site(home, blank, patch) as site:
        image = train_candidate(site)
        assert site.bench.approve(image_digest=image["image"]) is None
        yield site


@pytest.fixture(scope="module")
def bundle(staging: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("carried") / "nyc_taxi.tar"
    export(staging, file)
    return file


@pytest.fixture
def prod(
    staging: Site, tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    with opened_site(tmp_path / "prod", blank, monkeypatch) as site:
        yield site


@pytest.fixture
def dev(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A first environment for tests that change it."""
    with opened_site(tmp_path / "dev", blank, monkeypatch) as site:
        yield site


def test_the_same_image_is_approved_and_rolled_out_in_the_other_environment(
    staging: Site, prod: Site, bundle: Path, tmp_path: Path
) -> None:
    there = staging.bench.document("release")
    done = take_in(prod, bundle)
    assert done["new_candidate"]
    assert done["image"] == there["image"]
    for name, digest in done["images"].items():
        one = staging.pulled(name, digest, tmp_path / f"one-{name}")
        assert prod.pulled(name, digest, tmp_path / f"other-{name}") == one

    bench = prod.bench
    hub = FakeHub({"line-1": "canary", "line-2": "broad"})
    bench.replace("hub", hub)
    refused = bench.run("rollout")
    assert isinstance(refused, ApprovalMissing), "the approval there is none here"
    assert bench.newest("release") is None
    assert bench.approve(**WHO, image_digest=there["image"]) is None
    here = bench.document("release")
    assert (here["number"], here["previous"], here["approver"]) == (1, None, "Grace")
    assert here["gates"] == there["gates"]
    assert (here["image"], here["model_digest"]) == (there["image"], there["model_digest"])
    assert here["inputs"] == {
        "container_image": there["inputs"]["container_image"],
        "handed_on": staging.bench.newest("release"),
    }
    assert bench.run("rollout") is None
    (known,) = hub.configurations()
    assert there["image"] in json.dumps(known.content)


def test_a_device_is_followed_to_the_raw_rows_of_the_first_environment(
    staging: Site, prod: Site, bundle: Path
) -> None:
    take_in(prod, bundle)
    assert (
        prod.bench.approve(**WHO, image_digest=prod.bench.document("container_image")["image"])
        is None
    )
    release = prod.bench.document("release")
    smoke = {
        "release": prod.bench.newest("release"),
        "served_digest": release["model_digest"],
    }
    device = DeviceObservation("line-1", tags={"ring": "canary"}, smoke=smoke)
    links = explain(device, "nyc_taxi", prod.bench.platform.artifacts)
    assert batches(links) == [staging.bench.document("raw_batch", "a.csv")["content"]]
    told = [link.detail for link in links if link.kind == "release"]
    assert told == [
        "number 1, approved by Grace: as in staging",
        "before it was handed on: number 1, approved by Ada: good",
    ]


def test_dagster_is_told_where_the_image_came_from_and_which_gates_it_passed(
    staging: Site, prod: Site, bundle: Path
) -> None:
    take_in(prod, bundle)
    bench, key = prod.bench, prod.bench.chain.key("container_image")
    event = bench.instance.get_latest_materialization_event(key)
    assert event is not None
    made = event.asset_materialization
    assert made is not None
    told = {name: value.value for name, value in made.metadata.items()}
    assert told["release elsewhere"] == staging.bench.newest("release")
    assert (told["approved there by"], told["approved there because"]) == ("Ada", "good")
    assert made.tags is not None
    assert made.tags["dagster/data_version"] == bench.newest("container_image")
    checks = bench.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(key, name) for name in ("image_answers", "image_budget")]
    )
    assert [check.status.value for check in checks.values()] == ["SUCCEEDED", "SUCCEEDED"]


def test_nothing_changes_the_second_time(prod: Site, bundle: Path) -> None:
    first = take_in(prod, bundle)
    assert first["artifacts_present"] == 0
    assert first["image_blobs_sent"] > 0
    before = state(prod)
    again = take_in(prod, bundle)
    assert (again["artifacts_copied"], again["image_blobs_sent"]) == (0, 0)
    assert again["artifacts_present"] == first["artifacts_copied"]
    assert not again["new_candidate"]
    assert state(prod) == before
    key = prod.bench.chain.key("container_image")
    found = prod.bench.instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=10)
    assert len(found.records) == 1


def test_what_is_there_already_is_not_sent_again(prod: Site, bundle: Path) -> None:
    other = pretend_candidate(prod)
    done = take_in(prod, bundle)
    assert other["image"] != done["image"]
    assert done["image_blobs_present"] > 0, "the layer that all images share"


def test_the_modules_beside_a_model_are_among_its_images() -> None:
    module = {"name": "register", "image": "r"}
    made = {"model": "wine", "image": "i", "smoke_test_image": "s", "modules": [module]}
    assert images_of(made) == {"wine": "i", "wine-smoke-test": "s", "wine-register": "r"}


def test_one_release_is_one_file(staging: Site, bundle: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar"
    export(staging, again)
    assert again.read_bytes() == bundle.read_bytes()
    assert again.stat().st_mode & 0o077 == 0, "there are rows of data in it"
    with tarfile.open(bundle) as archive:
        assert {(m.mtime, m.uid, m.uname) for m in archive} == {(0, 0, "")}


def test_all_that_documents_name_comes_along_but_for_what_is_known_not_to(
    staging: Site, prod: Site, bundle: Path
) -> None:
    """Guards the table of fields: what the first store has and a document names, the second has."""
    take_in(prod, bundle)
    one, other = (site.bench.platform.artifacts for site in (staging, prod))
    release = staging.bench.newest("release")
    assert release is not None
    left: set[str] = set()
    for _, document in follow(one, release):
        for path, text in _digests(document):
            if one.has(text) and not other.has(text):
                left.add(f"{document['kind']}.{path}")
    assert left == {
        "raw_batch.content",
        "raw_batch.files",
        "raw_batch.kept",
        "raw_batch.set_aside_rows",
    }


def _digests(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _digests(below, path or key)
    elif isinstance(value, list):
        for below in value:
            yield from _digests(below, path)
    elif isinstance(value, str) and is_digest(value):
        yield path, value


def test_deliveries_come_along_when_they_are_asked_for(
    staging: Site, prod: Site, tmp_path: Path
) -> None:
    export(staging, tmp_path / "more.tar", deliveries=True)
    take_in(prod, tmp_path / "more.tar")
    batch = staging.bench.document("raw_batch", "a.csv")
    for digest in (*batch["files"].values(), batch["kept"]):
        prod.bench.platform.artifacts.get_bytes(digest)


def test_deliveries_that_are_said_to_be_there_and_are_not_refuse_it(
    prod: Site, bundle: Path, tmp_path: Path
) -> None:
    before = state(prod)
    told = spoiled(
        bundle,
        tmp_path / "told.tar",
        lambda members: {**members, "index.json": index_of(members, deliveries="true")},
    )
    with pytest.raises(IntegrityError, match="is not whole"):
        take_in(prod, told)
    assert state(prod) == before


def test_images_come_from_the_registry_where_they_were_not_built(
    staging: Site, bundle: Path, tmp_path: Path
) -> None:
    built = staging.bench.platform.images
    empty = BlobStore(tmp_path / "images")
    staging.bench.replace("images", empty)
    try:
        export(staging, tmp_path / "again.tar")
    finally:
        staging.bench.replace("images", built)
    assert (tmp_path / "again.tar").read_bytes() == bundle.read_bytes()
    assert empty.digests()


def test_the_automation_waits_for_the_approval_and_then_rolls_out(prod: Site, bundle: Path) -> None:
    bench, cursor = prod.bench, None

    def asked() -> set[str]:
        nonlocal cursor
        ticked = dg.evaluate_automation_conditions(bench.defs, bench.instance, cursor=cursor)
        cursor = ticked.cursor
        keys = bench.defs.resolve_asset_graph().get_all_asset_keys()
        return {
            key.path[-1]
            for key in keys
            if "shared" not in key.path and ticked.get_num_requested(key)
        }

    assert asked() == set()
    image = take_in(prod, bundle)["image"]
    assert asked() == set(), "neither made again here, nor rolled out"
    assert bench.approve(**WHO, image_digest=image) is None
    assert asked() == {"rollout"}


@pytest.fixture
def champion_elsewhere(prod: Site, bundle: Path) -> Site:
    """The other environment with the release that was handed on to it."""
    image = take_in(prod, bundle)["image"]
    assert prod.bench.approve(**WHO, image_digest=image) is None
    return prod


def candidate(site: Site, **training: Any) -> tuple[dict[str, int], dict[str, Any]]:
    """Trains one on all batches: the rows of each segment of the verdict, and its document."""
    bench = site.bench
    before = dict(bench.chain.config.training)  # shared by all benches of the module
    bench.train_with(**training)
    run = bench.materialize("dataset", "trained_model")
    bench.train_with(**before)
    (verdict,) = [
        found.metadata["verdict"].value
        for found in run.get_asset_check_evaluations()
        if found.check_name == "champion"
    ]
    assert isinstance(verdict, dict)
    found = re.findall(r"'name': '(\w+)', 'rows': (\d+)", str(verdict["segments"]))
    return {name: int(rows) for name, rows in found}, bench.document("trained_model")


def test_the_next_candidate_here_is_compared_with_what_was_handed_on(
    staging: Site, champion_elsewhere: Site
) -> None:
    bench = champion_elsewhere.bench
    # Another delivery under the name that the champion's batch has elsewhere.
    bench.accept("a.csv", bench.sample(2, rows=5000))
    rows, made = candidate(champion_elsewhere, max_iter=150)
    assert made["champion"] == bench.document("release")["model_digest"]
    assert rows["frozen"] == staging.bench.document("dataset")["rows"]["holdout"]
    assert rows["newest"] == bench.document("dataset")["rows"]["holdout"]
    assert rows["combined"] == rows["frozen"] + rows["newest"]
    assert made["gates"]["champion"]["passed"], made["gates"]["champion"]["reason"]


def test_the_same_delivery_under_another_name_is_known_to_the_champion(
    staging: Site, champion_elsewhere: Site
) -> None:
    bench = champion_elsewhere.bench
    bench.accept("first.csv", bench.sample(1))
    bench.accept("second.csv", bench.sample(3))
    rows, made = candidate(champion_elsewhere, max_iter=5)
    assert rows["frozen"] == staging.bench.document("dataset")["rows"]["holdout"]
    assert rows["combined"] == bench.document("dataset")["rows"]["holdout"]
    assert not made["gates"]["champion"]["passed"], "it is worse, and that is seen"


def test_a_candidate_of_ones_own_goes_before_until_the_file_is_imported_again(
    prod: Site, bundle: Path
) -> None:
    handed = take_in(prod, bundle)["image"]
    own = pretend_candidate(prod)["image"]
    refused = prod.bench.approve(**WHO, image_digest=handed)
    assert "for another image than the newest" in str(refused)
    assert take_in(prod, bundle)["new_candidate"]
    assert prod.bench.approve(**WHO, image_digest=handed) is None
    assert prod.bench.document("release")["image"] != own


def test_it_can_be_handed_on_once_more(
    staging: Site, prod: Site, dev: Site, bundle: Path, tmp_path: Path
) -> None:
    image = take_in(prod, bundle)["image"]
    assert prod.bench.approve(**WHO, image_digest=image) is None
    export(prod, tmp_path / "further.tar")
    assert take_in(dev, tmp_path / "further.tar")["image"] == image
    assert dev.bench.approve(approver="Joan", image_digest=image) is None
    digest = dev.bench.newest("release")
    assert digest is not None
    documents = follow(dev.bench.platform.artifacts, digest)
    approvers = [made["approver"] for _, made in documents if made["kind"] == "release"]
    assert approvers == ["Joan", "Grace", "Ada"]


def test_an_earlier_release_can_be_named(dev: Site, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        image = pretend_candidate(dev, name)
        assert dev.bench.approve(image_digest=image["image"]) is None
        digests.append(str(dev.bench.newest("release")))
    assert export(dev, tmp_path / "a.tar")["release"] == digests[1]
    assert export(dev, tmp_path / "a.tar", release=digests[0])["release"] == digests[0]
    with received(tmp_path / "a.tar", tmp_path, release=digests[0]) as given:
        assert given.document("release")[1]["number"] == 1
    for odd in (str(dev.bench.newest("container_image")), "sha256:" + "e" * 64):
        with pytest.raises(ApprovalMissing, match="is no release of nyc_taxi"):
            export(dev, tmp_path / "b.tar", release=odd)


def test_what_nobody_approved_is_not_exported(dev: Site, tmp_path: Path) -> None:
    pretend_candidate(dev)
    with pytest.raises(ApprovalMissing, match="has no release"):
        export(dev, tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_a_closed_gate_behind_a_release_stops_the_export(dev: Site, tmp_path: Path) -> None:
    image = pretend_candidate(dev, size=gate(False, "too large"))
    onnx = dev.bench.document("onnx_model")["onnx"]
    inputs = {"container_image": dev.bench.newest("container_image")}
    release = {"number": 1, "approver": "Ada", "reason": "x", "previous": None, "inputs": inputs}
    pictures = {name: image[name] for name in ("image", "smoke_test_image")}
    dev.bench.pretend("release", {**release, **pictures, "model_digest": onnx})
    with pytest.raises(GateClosed, match="gate 'size' of onnx_model is closed: too large"):
        export(dev, tmp_path / "a.tar")


def test_a_damaged_artifact_stops_the_export_and_keeps_the_file_of_before(
    dev: Site, tmp_path: Path
) -> None:
    image = pretend_candidate(dev)
    assert dev.bench.approve(image_digest=image["image"]) is None
    export(dev, tmp_path / "a.tar")
    before = (tmp_path / "a.tar").read_bytes()
    store = dev.bench.platform.artifacts
    Path(store._path(dev.bench.document("dataset")["train"])).write_bytes(b"rotten")
    with pytest.raises(IntegrityError, match="is damaged"):
        export(dev, tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_file_that_cannot_be_written_is_told(staging: Site, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written") as told:
        export(staging, tmp_path / "nowhere" / "a.tar")
    assert told.value.exit_code == 2


def test_a_model_yaml_with_other_inputs_refuses_it(
    prod: Site, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(prod)
    monkeypatch.setattr(
        "edge_assets.hand_on.model_json", lambda config, digest: {"inputs": [], "outputs": []}
    )
    with pytest.raises(ConfigurationError, match="declares other inputs than the release has"):
        take_in(prod, bundle)
    assert state(prod) == before


def test_when_the_registry_is_down_there_is_no_candidate_and_the_next_time_goes_on(
    prod: Site, bundle: Path
) -> None:
    class Down:
        def push(self, *_: Any, **__: Any) -> None:
            raise Unavailable("the registry does not answer")

    real = prod.bench.platform.registry
    prod.bench.replace("registry", Down())
    with pytest.raises(Unavailable):
        take_in(prod, bundle)
    assert prod.bench.newest("container_image") is None
    prod.bench.replace("registry", real)
    done = take_in(prod, bundle)
    assert (done["new_candidate"], done["artifacts_copied"]) == (True, 0)


def test_a_damaged_artifact_here_is_told_before_anything_is_pushed(
    staging: Site, prod: Site, bundle: Path
) -> None:
    here, train = prod.bench.platform.artifacts, staging.bench.document("dataset")["train"]
    path = Path(here._path(train))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rotten")
    with pytest.raises(IntegrityError, match="is damaged"):
        take_in(prod, bundle)
    assert prod.bench.newest("container_image") is None
