"""The files for CI and editors: they call the commands of the README, and nothing else.

They were not run where they are meant for; here they are read, and what they say is compared with
the Makefile and pyproject.toml.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

CHECKOUT = Path(__file__).resolve().parents[1]
AZURE = CHECKOUT / "deploy" / "pipelines" / "azure-pipelines.yml"
GITHUB = CHECKOUT / ".github" / "workflows" / "test.yml"
CONTAINER = CHECKOUT / ".devcontainer" / "devcontainer.json"
FILES = (AZURE, GITHUB, CONTAINER)

TARGETS = set(re.findall(r"^(\w+):(?!=)", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = {"REPORTS"}
ACTIONS = {"actions/checkout", "actions/setup-python", "actions/upload-artifact"}
TASKS = {"UsePythonVersion", "PublishTestResults"}
IMAGES = {"ubuntu-latest", "mcr.microsoft.com/devcontainers/python"}
_COMMANDS = ("script", "run", "postCreateCommand")
_HOST = re.compile(r"(?:https?:)?//([\w.-]+)|([\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|dev)\b)")
_SECRET = re.compile(r"secret|password|token|api.?key|service.?connection", re.IGNORECASE)


def read(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """(keys, text) of every value of a file."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, str(key)))
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, path)
    else:
        yield path, str(value)


def commands(made: Any) -> list[str]:
    """Every command that a file has run."""
    return [text for path, text in leaves(made) if path[-1] in _COMMANDS]


def mistakes(made: Any) -> list[str]:
    """What a file should not say."""
    found = []
    for path, text in leaves(made):
        last = path[-1]
        if last in _COMMANDS:
            # What CI puts in by itself is one word, whatever is in it.
            words = shlex.split(re.sub(r"\$\{\{[^}]*\}\}|\$\([\w.]+\)", "X", text))
            targets = [word for word in words[1:] if "=" not in word]
            given = {word.partition("=")[0] for word in words[1:] if "=" in word}
            if words[0] != "make" or not targets or set(targets) - TARGETS or given - VARIABLES:
                found.append(f"it runs {text}")
        if last == "uses" and text.partition("@")[0] not in ACTIONS:
            found.append(f"it uses {text}")
        if last == "task" and text.partition("@")[0] not in TASKS:
            found.append(f"it uses {text}")
        if last in ("vmImage", "runs-on", "image") and text.partition(":")[0] not in IMAGES:
            found.append(f"it runs on {text}")
        hosts = {a or b for a, b in _HOST.findall(text)} - {"mcr.microsoft.com"}
        if hosts:
            found.append(f"it names {sorted(hosts)}")
        named = [word for word in (last, text) if _SECRET.search(word)]
        if named:
            found.append(f"it holds {named[0]}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_calls_the_makefile_and_nothing_else(file: Path) -> None:
    made = read(file)
    assert mistakes(made) == []
    assert len(commands(made)) == 1


@pytest.mark.parametrize("file", [AZURE, GITHUB], ids=lambda file: file.name)
def test_ci_runs_the_tests_and_keeps_their_results(file: Path) -> None:
    (command,) = commands(read(file))
    assert command.startswith("make test REPORTS=")
    folder = command.partition("REPORTS=")[2]
    assert f"{folder}/*.xml" in [text for _, text in leaves(read(file))]


def test_ci_runs_on_pushes_to_main_and_on_pull_requests() -> None:
    azure, github = read(AZURE), read(GITHUB)
    assert azure["trigger"]["branches"]["include"] == ["main"]
    assert azure["pr"]["branches"]["include"] == ["main"]
    on = github[True]  # `on` is a truth in YAML 1.1, and GitHub knows
    assert on == {"push": {"branches": ["main"]}, "pull_request": {"branches": ["main"]}}
    assert github["permissions"] == {"contents": "read"}


def test_a_checkout_leaves_no_credentials_for_the_tests() -> None:
    steps = read(GITHUB)["jobs"]["test"]["steps"]
    assert steps[0]["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_python_is_one_that_is_supported(file: Path) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    keys = ("versionSpec", "python-version")
    found = [text for path, text in leaves(read(file)) if path[-1] in keys]
    found += re.findall(r"devcontainers/python:([\d.]+)", file.read_text())
    assert len(found) == 1
    assert f"{found[0]}.0" in SpecifierSet(project["requires-python"])


def test_the_dev_container_is_set_up_and_forwards_dagster() -> None:
    made = read(CONTAINER)
    assert made["postCreateCommand"] == "make setup"
    readme = (CHECKOUT / "README.md").read_text()
    assert [f"http://127.0.0.1:{port}" in readme for port in made["forwardPorts"]] == [True]


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ({"script": "make test && curl x"}, "it runs"),
        ({"run": "make deploy"}, "it runs"),
        ({"run": "make test PYTHON=evil"}, "it runs"),
        ({"run": "make"}, "it runs"),
        ({"steps": [{"uses": "someone/action@v1"}]}, "it uses"),
        ({"task": "Docker@2"}, "it uses"),
        ({"pool": {"vmImage": "mine"}}, "it runs on"),
        ({"image": "example.org/python:3.11"}, "it runs on"),
        ({"a": "https://example.org/x"}, "it names ['example.org']"),
        ({"a": "registry.example.io"}, "it names"),
        ({"env": {"K": "${{ secrets.K }}"}}, "it holds"),
        ({"env": {"EDGE_REGISTRY_PASSWORD": "x"}}, "it holds"),
    ],
)
def test_what_does_not_belong_there_is_found(made: Any, what: str) -> None:
    assert mistakes(made)[0].startswith(what)


def test_the_makefile_hands_the_folder_for_results_to_pytest() -> None:
    text = (CHECKOUT / "Makefile").read_text()
    assert "report = $(if $(REPORTS),--junitxml=$(REPORTS)/$(1).xml)" in text
    assert text.count("$(call report,") == text.count("$(BIN)/pytest")
