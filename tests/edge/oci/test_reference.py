import pytest

from edge.oci import ImageReference
from protos.errors import ConfigurationError

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "digest", "tag"),
    [
        (f"localhost:18443/nyc_taxi@{DIGEST}", "localhost:18443", "nyc_taxi", DIGEST, None),
        ("localhost/a/b:v1", "localhost", "a/b", None, "v1"),
        ("example.org/a", "example.org", "a", None, None),
        (f"example.org/a:v1@{DIGEST}", "example.org", "a", DIGEST, "v1"),
        ("python:3.11-slim", "docker.io", "library/python", None, "3.11-slim"),
        ("prom/prometheus", "docker.io", "prom/prometheus", None, None),
    ],
)
def test_parses_as_docker_does(
    text: str, registry: str, repository: str, digest: str | None, tag: str | None
) -> None:
    assert ImageReference.parse(text) == ImageReference(registry, repository, digest, tag)


@pytest.mark.parametrize("text", [f"localhost:1/a@{DIGEST}", f"example.org/a/b:v1@{DIGEST}"])
def test_is_written_as_it_was_read(text: str) -> None:
    assert str(ImageReference.parse(text)) == text


def test_selects_by_digest_before_tag() -> None:
    assert ImageReference.parse(f"localhost/a:v1@{DIGEST}").selector == DIGEST
    assert ImageReference.parse("localhost/a:v1").selector == "v1"
    assert ImageReference.parse("localhost/a").selector == "latest"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost/UPPER",
        "localhost/../etc",
        "localhost/a@sha256:short",
        "localhost/a@md5:" + "0" * 32,
        "localhost/a:bad tag",
        "localhost/a:" + "t" * 129,
        "localhost/" + "a" * 256,
        "local host:1/a",
        "https://localhost/a",
    ],
)
def test_refuses_what_is_no_reference(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not an image reference"):
        ImageReference.parse(text)
