"""Reads `model.yaml`; a mistake is told with its file, its line, its key and a remedy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from edge_assets.core.config_schema import ModelConfig as ModelConfig
from edge_assets.core.near import meant
from protos.errors import ConfigurationError

MAX_BYTES = 1 << 20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where PyYAML comes with libyaml, as its wheels do."""


def load_model_config(path: Path) -> ModelConfig:
    """The checked content of the `model.yaml` at `path`.

    Raises:
        ConfigurationError: the file is missing, larger than 1 MiB, no YAML, names a key twice, or
            does not fit `ModelConfig`; the message names file, line and key of each mistake.
    """
    text = _read(path)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            _refuse_doubles(node, path)
            content = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        why = getattr(error, "problem", None) or "nested too deeply"
        raise ConfigurationError(
            f"{place} is not YAML", why=str(why), remedy="mend the line that is named"
        ) from None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path} is not a model.yaml",
            why="it holds no keys at its top level",
            remedy="begin with the one of an existing edge model",
        )
    try:
        return ModelConfig.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        mistakes = [_told(node, dict(mistake)) for mistake in found]
        raise ConfigurationError(
            f"{path} does not fit its schema",
            why="; ".join(mistakes),
            remedy="change or remove the keys that are named",
        ) from None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationError(
                f"{path} is not a model.yaml",
                why=f"it is larger than {MAX_BYTES} bytes",
                remedy="keep data out of it",
            )
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read",
            why=getattr(error, "strerror", None) or "it is not UTF-8 text",
            remedy="every folder of an edge model needs a readable model.yaml",
        ) from None


def _refuse_doubles(node: yaml.Node | None, path: Path) -> None:
    """YAML readers keep the last of two equal keys; which one was meant is not ours to guess."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_doubles(child, path)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, child in node.value:
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise ConfigurationError(
                    f"{path}:{line} names {key.value} again",
                    why=f"it is already on line {seen[key.value]}",
                    remedy="keep one of them",
                )
            seen[key.value] = line
        _refuse_doubles(child, path)


def _told(node: yaml.Node | None, mistake: dict[str, Any]) -> str:
    """A mistake with its line and its key, and what was meant where that can be guessed."""
    place, text = tuple(mistake["loc"]), str(mistake["msg"])
    place += getattr(mistake.get("ctx", {}).get("error"), "place", ())
    if mistake["type"] == "extra_forbidden":
        text = f"there is no such key{meant(str(place[-1]), _keys(place[:-1]))}"
    return f"line {_line(node, place)}, {_dotted(place)}: {text.removeprefix('Value error, ')}"


def _keys(loc: Sequence[int | str]) -> list[str]:
    """The keys of the section at `loc`."""
    section: Any = ModelConfig
    for part in loc:
        fields = getattr(section, "model_fields", {})
        section = fields[part].annotation if part in fields else section
        section = _section(section)
    return list(getattr(section, "model_fields", {}))


def _section(annotation: Any) -> Any:
    """The first section within a type, such as that of tuple[Ring, ...]; else the type itself."""
    if hasattr(annotation, "model_fields"):
        return annotation
    found = (_section(part) for part in get_args(annotation))
    return next((section for section in found if hasattr(section, "model_fields")), annotation)


def _line(node: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """The line of the deepest part of `loc` that is in the file, counted from one."""
    line = 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if getattr(k, "value", None) == str(part)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _dotted(loc: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in loc) or "the file"
