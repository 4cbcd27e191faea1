"""What the inference runtime consists of, described by versions and digests."""

import platform
import sys
from importlib import metadata
from typing import Any

from resources.images.dependencies import closure
from resources.images.recipe import INFERENCE_DISTRIBUTIONS
from resources.images.service_code import service_code


def describe_runtime() -> dict[str, Any]:
    """Python, architecture, every distribution with its version, and the service's code digest."""
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "architecture": platform.machine(),
        "distributions": {
            name: metadata.version(name) for name in sorted(closure(INFERENCE_DISTRIBUTIONS))
        },
        "code": service_code(),
    }
