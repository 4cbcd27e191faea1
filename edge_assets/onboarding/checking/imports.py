"""Imports the functions of a model in a process of its own, to see what comes with them."""

import json
import os
import subprocess
import sys
from pathlib import Path

_SECONDS = 120
_PROGRAM = """
import json, os, sys, traceback
from pathlib import Path
from edge_assets.core.config import load_model_config
from edge_assets.core.functions import find_function
from protos.errors import EdgeAssetsError
folder = Path(sys.argv[1])
config = load_model_config(folder / "model.yaml")
found, trouble = [], ""
for step, reference in config.entrypoints.model_dump().items():
    try:
        if find_function(folder, reference) is not None:
            found.append(step)
    except EdgeAssetsError as error:
        trouble = trouble or str(error)
        if os.environ.get("EDGE_DEBUG"):
            traceback.print_exception(error.__cause__ or error)
print()
print(json.dumps({"found": found, "trouble": trouble, "loaded": list(sys.modules)}))
"""


def import_alone(folder: Path) -> tuple[list[str], list[str], str]:
    """(steps that have a function, modules in memory, what went wrong)."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(folder.resolve())],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
    except subprocess.TimeoutExpired:
        return [], [], f"importing its functions takes longer than {_SECONDS} s"
    if os.environ.get("EDGE_DEBUG"):
        sys.stderr.write(done.stderr)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return [], [], lines[-1][:300]
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["found"], answer["loaded"], answer["trouble"]
