"""What the code location offers, as text; and that Dagster's own tools accept it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from edge_assets.definitions import defs

ROOT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("definitions.txt")
HEAVY = (
    "azure",
    "evidently",
    "grpc",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scipy",
    "skl2onnx",
    "sklearn",
    "torch",
)


def described() -> str:
    """Assets with group, kinds, owners, partitions, automation and checks; then the sensors."""
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parts = node.partitions_def
        name = parts.name if isinstance(parts, dg.DynamicPartitionsDefinition) else "none"
        lines += [
            key.to_user_string(),
            f"  after: {', '.join(sorted(k.to_user_string() for k in node.parent_keys)) or '-'}",
            f"  group: {node.group_name}; kinds: {', '.join(sorted(node.kinds))}; "
            f"owners: {', '.join(node.owners)}",
            f"  partitions: {name}; automated: {['no', 'yes'][bool(node.automation_condition)]}",
        ]
        for check in sorted(graph.get_check_keys_for_assets({key}), key=lambda c: c.name):
            blocking = graph.get(check).blocking
            lines.append(f"  check {check.name} ({'blocking' if blocking else 'warning'})")
    for sensor in sorted(defs.sensors or (), key=lambda sensor: sensor.name):
        running = sensor.default_status is dg.DefaultSensorStatus.RUNNING
        lines.append(f"sensor {sensor.name} ({'running' if running else 'stopped'})")
    return "\n".join(lines) + "\n"


def test_the_code_location_offers_what_the_snapshot_says() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(described())
    assert described() == SNAPSHOT.read_text(), (
        f"if this is meant: UPDATE_SNAPSHOTS=1 pytest {Path(__file__).relative_to(ROOT)}"
    )


def test_every_asset_and_sensor_says_what_it_is() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        assert len(graph.get(key).description or "") > 40, key.to_user_string()
    for sensor in defs.sensors or ():
        assert len(sensor.description or "") > 40, sensor.name


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of the environment with a Dagster home of its own."""
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DG_CLI_CONFIG": str(home / "dg.toml"),
        "DO_NOT_TRACK": "1",
        "EDGE_HOME": str(home / "edge"),
        "VIRTUAL_ENV": sys.prefix,
    }
    (home / "dg.toml").write_text("[cli.telemetry]\nenabled = false\n")
    return subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("dagster", "definitions", "validate", "-m", "edge_assets.definitions"),
        ("dg", "check", "defs"),
    ],
)
def test_dagster_accepts_the_definitions(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    program, *rest = arguments
    done = command(tmp_path, str(Path(sys.executable).with_name(program)), *rest)
    assert done.returncode == 0, done.stdout + done.stderr


def test_loading_the_code_location_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, json, edge_assets.definitions; print(json.dumps(sorted(sys.modules)))"
    done = command(tmp_path, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded & set(HEAVY) == set()
    assert "sensors" in loaded
