from pathlib import Path

import pytest

from edge.device.create_options import CreateOptions, Volume
from edge.device.manifest import ModuleSpec
from edge.device.substitution import (
    endpoints,
    module_environment,
    replace_targets,
    volume_source,
)

PORTS = {("nyc_taxi", 8081): 50053, ("web", 8080): 50054}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("nyc_taxi:8081", "127.0.0.1:50053"),
        ("http://web:8080/x?m=nyc_taxi:8081", "http://127.0.0.1:50054/x?m=127.0.0.1:50053"),
        ("my_nyc_taxi:8081", "my_nyc_taxi:8081"),
        ("a-nyc_taxi:8081", "a-nyc_taxi:8081"),
        ("nyc_taxi:80810", "nyc_taxi:80810"),
        ("nyc_taxi:9000", "nyc_taxi:9000"),
        ("nyc_taxi", "nyc_taxi"),
    ],
)
def test_only_whole_targets_are_replaced(value: str, expected: str) -> None:
    assert replace_targets(value, PORTS) == expected


def test_the_module_with_the_inference_port_is_told_its_own() -> None:
    env = module_environment(ModuleSpec("nyc_taxi", "i"), PORTS, {}, shares_network=True)
    assert env == {"INFERENCE_ADDRESS": "127.0.0.1:50053"}


def test_another_module_is_not() -> None:
    env = module_environment(ModuleSpec("web", "i"), PORTS, {}, shares_network=True)
    assert env == {}


def test_the_manifest_beats_the_create_options_and_the_identity_beats_both() -> None:
    spec = ModuleSpec(
        "web",
        "i",
        options=CreateOptions(env=(("A", "options"), ("B", "options"), ("C", "options"))),
        env=(("B", "manifest"), ("C", "manifest"), ("T", "nyc_taxi:8081")),
    )
    env = module_environment(spec, PORTS, {"C": "identity"}, shares_network=True)
    assert env == {"A": "options", "B": "manifest", "C": "identity", "T": "127.0.0.1:50053"}


def test_with_a_network_of_its_own_nothing_is_replaced() -> None:
    spec = ModuleSpec("nyc_taxi", "i", env=(("T", "web:8080"),))
    assert module_environment(spec, PORTS, {}, shares_network=False) == {"T": "web:8080"}


def test_folders_of_the_device_lie_below_its_own() -> None:
    root = Path("/fleet/line-1")
    absolute = Volume("/var/lib/edge-assets/m/captures", "/captures", False)
    assert volume_source(absolute, root) == root / "root/var/lib/edge-assets/m/captures"
    assert volume_source(Volume("data", "/d", False), root) == root / "volumes/data"


def test_endpoints_are_by_container_port() -> None:
    assert endpoints("web", PORTS) == {"8080": "127.0.0.1:50054"}
