"""What the inference runtime consists of, described by versions and digests."""

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from protos.digests import digest_file, digest_json
from resources.images.dependencies import closure
from resources.images.recipe import INFERENCE_DISTRIBUTIONS, INFERENCE_PACKAGES


def describe_runtime() -> dict[str, Any]:
    """Python, architecture, every distribution with its version, and the service's code digest."""
    root = Path(__file__).resolve().parents[2]
    files = {
        path.relative_to(root).as_posix(): digest_file(path)
        for package in INFERENCE_PACKAGES
        for path in sorted((root / package.replace(".", "/")).rglob("*.py"))
    }
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "architecture": platform.machine(),
        "distributions": {
            name: metadata.version(name) for name in sorted(closure(INFERENCE_DISTRIBUTIONS))
        },
        "code": digest_json(files),
    }
