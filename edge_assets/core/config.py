"""Reads `model.yaml`; a mistake is told with its file, its line, its key and a remedy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from edge_assets.core.config_schema import ModelConfig as ModelConfig
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
        mistakes = [
            f"line {_line(node, mistake['loc'])}, {_dotted(mistake['loc'])}: {mistake['msg']}"
            for mistake in error.errors(include_url=False, include_input=False)
        ]
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
