"""What the service takes on a device: memory, and packages in the image."""

import sys
from pathlib import Path

from benchmarks.inference.bench import Bench
from benchmarks.inference.figures import Measured
from edge.oci.layer import Entry
from edge.runtime.layout import DEPENDENCIES, SERVICE
from resources.images.builder import dependencies_plan, service_plan
from resources.images.bytecode import bytecode
from resources.images.recipe import inference_recipe

_MB = 1e6
_LOAD_SECONDS = 1.0


def memory(bench: Bench) -> dict[str, Measured]:
    """Proportional set size after a second of load on 8 connections.

    The service runs from the image's own files: none of them is mapped by another process of the
    benchmark, which would make its share of them look smaller than it is on a device.
    """
    own = bench.service(
        "ours-memory", bench.logistic, python=str(base_python()), **unpacked_image(bench)
    )
    sizes = {}
    with bench.started(own, bench.question):
        for name, server in (("ours", own), ("mlserver", bench.mlserver())):
            bench.shot(server, bench.question, connections=8, seconds=_LOAD_SECONDS)()
            sizes[name] = server.memory_bytes() / _MB
    value = sizes["ours"] / sizes["mlserver"]
    seen = {f"{name} MB": round(size, 1) for name, size in sizes.items()}
    return {"memory_mlserver": Measured(value, seen=seen)}


def packages(bench: Bench) -> dict[str, Measured]:
    """The files of the dependencies layer with their bytecode, not compressed."""
    recipe = inference_recipe("benchmark", bench.logistic.folder, "")
    sources = dependencies_plan(recipe).entries
    parts = {"files MB": _size(sources), "bytecode MB": _size(bytecode(sources))}
    seen = {name: round(size, 1) for name, size in parts.items()}
    return {"packages": Measured(sum(parts.values()), seen=seen)}


def unpacked_image(bench: Bench) -> dict[str, str]:
    """The environment in which Python runs from the image's layers of code, unpacked once."""
    root = bench.folder / "image-content"
    recipe = inference_recipe("benchmark", bench.logistic.folder, "")
    for plan in () if root.exists() else (service_plan(recipe), dependencies_plan(recipe)):
        for entry in [*plan.entries, *bytecode(plan.entries)]:
            _write(root / entry.path, entry)
    # as the builder sets them in the image's own environment
    return {
        "PYTHONPATH": f"{root}{SERVICE}:{root}{DEPENDENCIES}",
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def base_python() -> Path:
    """The interpreter below this virtual environment."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return Path(sys.base_prefix) / "bin" / version


def _size(entries: list[Entry]) -> float:
    total = 0
    for entry in entries:
        if isinstance(entry.content, Path):
            total += entry.content.stat().st_size
        elif entry.content is not None:
            total += len(entry.content)
    return total / _MB


def _write(path: Path, entry: Entry) -> None:
    if entry.content is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(entry.content, Path):
        path.write_bytes(entry.content.read_bytes())
    else:
        path.write_bytes(entry.content)
