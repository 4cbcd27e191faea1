"""Model and web application as one release on a simulated device: deployed, used, updated."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.testing import running_hub
from edge.manifests import ReleaseManifest, layered_deployment, webapp_module
from edge.oci import BlobStore, RegistryClient
from resources.images import build_image, inference_recipe, smoke_test_recipe
from resources.images.recipe import (
    CONTRACT_FILE,
    ImageRecipe,
    contract_document,
    webapp_recipe,
)
from tests.edge.device.world import World, managers, wait_for
from tests.edge.oci.images import image, tar
from tests.edge.webapp.model import confidence, words_model
from tests.edge.webapp.running import post, sign_in_as

TEXTS = ("Poor plastic cover", "good steel hinge")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_hub(tmp_path / "state") as hub:
        yield World(hub, tmp_path, *managers(hub))


class Shop:
    """Builds the three images of a release and pushes them to the hub's registry."""

    def __init__(self, world: World, layers: Path) -> None:
        self.world, self.layers = world, layers
        self.port, self.page = free_port(), free_port()
        self.store = BlobStore(world.folder / "images")
        hub = world.hub
        self.registry = RegistryClient(
            hub.registry,
            ca=hub.ca,
            username=hub.registry_username,
            password=hub.registry_password,
        )
        base = image(self.store, [tar([("bin/python", b"")])])
        self.registry.push(self.store, base, "python")
        self.base = f"{hub.registry}/python@{base}"

    def release(self, number: int, bias: float) -> ReleaseManifest:
        root = self.world.folder / f"r{number}"
        model = words_model(root / "model", bias=bias)
        described = json.loads((model / "model.json").read_text())
        digest = described["digest"]
        (root / "golden").mkdir()
        (root / "golden" / "golden.json").write_text(json.dumps(golden(digest, bias)))
        (model / "golden.json").write_text(json.dumps(golden(digest, bias)))
        (root / "contract").mkdir()
        (root / "contract" / CONTRACT_FILE).write_bytes(contract_document(described))
        register = self._push(webapp_recipe("compliance-register", root / "contract"))
        return ReleaseManifest(
            release="sha256:" + f"{number}" * 64,
            number=number,
            image=self._push(inference_recipe("compliance", model, digest)),
            smoke_test_image=self._push(smoke_test_recipe("compliance-smoke", root / "golden")),
            model_digest=digest,
            port=self.port,
            smoke_test_interval_seconds=0.5,
            extra_modules=(
                webapp_module("register", register, self.page, {"WEBAPP_UPLOAD_SECONDS": "0.2"}),
            ),
        )

    def _push(self, recipe: ImageRecipe) -> str:
        """Builds upon an empty base: the rung `host python` runs this Python with its libraries."""
        light = replace(recipe, base=self.base, distributions=("packaging",))
        built = build_image(light, self.store, self.layers, registry=self.registry)
        self.registry.push(self.store, built.digest, recipe.name)
        return f"{self.world.hub.registry}/{recipe.name}@{built.digest}"


def golden(digest: str, bias: float) -> dict[str, Any]:
    chances = [confidence(text, bias=bias) for text in TEXTS]
    return {
        "model_digest": digest,
        "tolerance": {"absolute": 1e-4, "relative": 1e-4},
        "latency_budget_ms": 5000.0,
        "requests": [
            {
                "inputs": {"description": [text]},
                "outputs": {
                    "non_compliant": [int(chance > 0.5)],
                    "probabilities": [1 - chance, chance],
                },
            }
            for text, chance in zip(TEXTS, chances, strict=True)
        ],
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def deploy(world: World, release: ReleaseManifest) -> None:
    layer = layered_deployment("compliance", release)["modulesContent"]["$edgeAgent"]
    prefix = "properties.desired.modules."
    world.deploy("line-1", {key.removeprefix(prefix): spec for key, spec in layer.items()})
    world.settled("line-1", 200)


def health(port: int) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read())
    except OSError:
        return {}
    finally:
        connection.close()


def page(port: int, path: str, cookie: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Cookie": cookie})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_one_release_brings_model_and_web_application(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop = Shop(world, tmp_path_factory.getbasetemp() / "layers")
    first, second = shop.release(1, bias=-2.0), shop.release(2, bias=6.0)
    assert second.extra_modules == first.extra_modules  # since the contract is the same
    world.register("line-1")
    with world.fleet("line-1"):
        deploy(world, first)
        shown = world.state("line-1")["compliance_register"]
        port = int(shown["endpoint"][str(shop.page)].rpartition(":")[2])
        wait_for(lambda: health(port).get("model", {}).get("digest") == first.model_digest, 40)

        data = world.folder / "fleet/line-1/root/var/lib/edge-assets/compliance/register/data"
        password = (data / "first-password").read_text().strip()
        cookie, token = sign_in_as(port, "admin", password)
        form = f"csrfmiddlewaretoken={token}"
        entered = f"{form}&number=&description=good+steel+hinge"
        assert post(port, "/components/new", cookie, entered) == 302
        assert "badge for" in page(port, "/components/1", cookie)
        assert "98 % sure" in page(port, "/components/1", cookie)

        # another model: the register goes on, sessions and entries are there, labels are new
        pid = shown["pid"]
        deploy(world, second)
        wait_for(lambda: health(port).get("model", {}).get("digest") == second.model_digest, 40)
        assert world.state("line-1")["compliance_register"]["pid"] == pid
        assert post(port, "/components/1/judge", cookie, form) == 302
        text = page(port, "/components/1", cookie)
        assert first.model_digest.removeprefix("sha256:")[:12] in text
        assert second.model_digest.removeprefix("sha256:")[:12] in text
        assert "badge against" in text

        # and what the technician says of it comes to the platform
        told = f"{form}&label=0&reason=it+is+steel&revision=1&shown=1"
        assert post(port, "/components/1/correct", cookie, told) == 302
        wait_for(lambda: "corrections-" in stored(world), 30)
        smoke = world.says("line-1", "compliance_smoke_test", "smoke_test")
        assert smoke["served_digest"] == second.model_digest
        assert smoke["passed"], smoke


def stored(world: World) -> str:
    return "".join(path.read_text() for path in world.hub.telemetry.rglob("*.json"))
