"""`edgectl release export` and `import`: one environment after the other, as a person does it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_assets.lineage import gate
from resources.platform import Platform
from tests.edge_assets.fake_hub import FakeHub
from tests.edge_assets.handing_on import Site, opened_site, pretend_candidate

from .conftest import Done, Runner

WHO = ("--by", "Grace", "--reason", "as in staging")


@dataclass
class World:
    """Two environments, and commands in the one that is chosen."""

    staging: Site
    prod: Site
    edgectl: Runner
    file: Path
    platform: Platform

    def at(self, site: Site, *arguments: str) -> Done:
        self.platform = site.bench.platform
        return self.edgectl("release", *arguments)


@pytest.fixture
def world(
    tmp_path: Path, blank: Path, edgectl: Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    level = logging.getLogger("dagster").level
    with (
        opened_site(tmp_path / "staging", blank, monkeypatch) as staging,
        opened_site(tmp_path / "prod", blank, monkeypatch) as prod,
    ):
        file = tmp_path / "nyc_taxi.tar"
        made = World(staging, prod, edgectl, file, staging.bench.platform)
        for module in ("edgectl.chain", "resources.platform"):
            monkeypatch.setattr(f"{module}.Platform", lambda: made.platform)
        for site in (staging, prod):
            site.bench.replace("hub", FakeHub({"line-1": "canary"}))
        yield made
    logging.getLogger("dagster").setLevel(level)


def approved(world: World) -> str:
    """The digest of an image that was approved in staging."""
    image = str(pretend_candidate(world.staging)["image"])
    assert world.staging.bench.approve(image_digest=image) is None
    return image


def test_a_release_is_exported_imported_and_approved(world: World) -> None:
    image = approved(world)
    out = world.at(world.staging, "export", "nyc_taxi", str(world.file), "--json")
    assert out.code == 0, out.err
    assert (out.json["image"], out.json["number"]) == (image, 1)
    assert out.json["bytes"] == world.file.stat().st_size
    assert out.json["release"] == world.staging.bench.newest("release")
    assert f"--release {out.json['release']}" in out.err

    digest = out.json["release"]
    done = world.at(world.prod, "import", str(world.file), "--release", digest, "--json")
    assert done.code == 0, done.err
    assert (done.json["image"], done.json["new_candidate"]) == (image, True)
    assert f"edgectl release approve nyc_taxi --image {image}" in done.err
    assert json.loads(world.at(world.prod, "list", "nyc_taxi", "--json").out) == []

    again = world.at(world.prod, "import", str(world.file))
    assert again.code == 0
    assert "nothing has changed" in again.err
    assert image in again.out
    made = world.at(world.prod, "approve", "nyc_taxi", "--image", image, *WHO, "--json")
    assert made.code == 0, made.err
    assert (made.json["image"], made.json["approver"]) == (image, "Grace")


def test_the_table_names_what_to_compare(world: World) -> None:
    image = approved(world)
    out = world.at(world.staging, "export", "nyc_taxi", str(world.file))
    assert image in out.out
    assert str(world.staging.bench.newest("release")) in out.out


def test_without_an_approval_the_export_is_refused(world: World) -> None:
    pretend_candidate(world.staging)
    done = world.at(world.staging, "export", "nyc_taxi", str(world.file))
    assert done.code == 3
    assert "has no release" in done.err
    assert not world.file.exists()


def test_a_closed_gate_refuses_the_export(world: World) -> None:
    image = pretend_candidate(world.staging, parity=gate(False, "3 rows differ"))
    bench = world.staging.bench
    document = {
        "number": 1,
        "approver": "Ada",
        "previous": None,
        "inputs": {"container_image": bench.newest("container_image")},
        "image": image["image"],
        "model_digest": bench.document("onnx_model")["onnx"],
    }
    bench.pretend("release", document)
    done = world.at(world.staging, "export", "nyc_taxi", str(world.file), "--json")
    assert done.code == 3
    assert json.loads(done.err.splitlines()[-1])["error"]["why"] == "3 rows differ"


@pytest.mark.parametrize("content", [b"", b"no tar at all"])
def test_a_file_that_is_no_release_fails(world: World, content: bytes) -> None:
    world.file.write_bytes(content)
    done = world.at(world.prod, "import", str(world.file), "--json")
    assert done.code == 1
    told = json.loads(done.err.splitlines()[-1])["error"]
    assert (told["kind"], told["exit_code"]) == ("IntegrityError", 1)
    assert "export it again" in told["remedy"]


def test_a_file_that_is_no_release_is_not_overwritten(world: World) -> None:
    approved(world)
    world.file.write_text("x,y\n1,2\n")
    done = world.at(world.staging, "export", "nyc_taxi", str(world.file))
    assert done.code == 2
    assert "is there, and is no release" in done.err
    assert world.file.read_text() == "x,y\n1,2\n"


@pytest.mark.parametrize(
    "arguments",
    [("import", "missing.tar"), ("export", "nyc_taxi"), ("export", "tokyo_taxi", "a.tar")],
)
def test_wrong_usage(world: World, arguments: tuple[str, ...]) -> None:
    assert world.at(world.staging, *arguments).code == 2


def test_another_release_than_the_expected_one_is_not_taken(world: World) -> None:
    approved(world)
    assert world.at(world.staging, "export", "nyc_taxi", str(world.file)).code == 0
    done = world.at(world.prod, "import", str(world.file), "--release", "sha256:" + "0" * 64)
    assert done.code == 1
    assert "another release than was asked for" in done.err
    assert world.prod.bench.newest("container_image") is None
