"""The code of the inference service, by digest: cheap enough to ask at every load."""

from pathlib import Path

from protos.digests import digest_file, digest_json
from resources.images.recipe import INFERENCE_PACKAGES

ROOT = Path(__file__).resolve().parents[2]


def service_code() -> str:
    """The digest over every Python file that goes into the service's layer."""
    return digest_json(
        {
            path.relative_to(ROOT).as_posix(): digest_file(path)
            for package in INFERENCE_PACKAGES
            for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py"))
        }
    )
