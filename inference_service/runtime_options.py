"""`runtime` of `model.json`: how onnxruntime runs a model on a device."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from protos.errors import ConfigurationError

OPTIMIZATIONS = ("all", "extended", "basic", "disabled")
MAX_THREADS = 256


@dataclass(frozen=True)
class RuntimeOptions:
    """How a session is made. The defaults are right for tabular models.

    `intra_op_threads` share one operator, `inter_op_threads` run independent branches of the graph
    (above 1: onnxruntime's parallel mode). `spinning` lets waiting threads burn their core: quicker
    answers, but the device's other work pays. `memory_arena` keeps freed memory for the next
    request, `memory_pattern` plans it ahead for shapes seen before. `graph_optimization` is what
    onnxruntime does to the graph at load. `batching` permits the service to answer several requests
    in one run.
    """

    intra_op_threads: int = 1
    inter_op_threads: int = 1
    spinning: bool = False
    memory_arena: bool = True
    memory_pattern: bool = True
    graph_optimization: str = "all"
    batching: bool = True

    def as_json(self) -> dict[str, Any]:
        """What `parse_runtime` reads; every option is written, so that it outlives new defaults."""
        return asdict(self)


DEFAULT_RUNTIME = RuntimeOptions()


def parse_runtime(value: Any) -> RuntimeOptions:
    """The options in `value`, the content of `runtime`; None and missing keys mean the defaults.

    Raises ConfigurationError naming the field, what it is and what was expected. An unknown key is
    an error too: a misspelt option must not silently become its default.
    """
    if value is None:
        return DEFAULT_RUNTIME
    if not isinstance(value, Mapping):
        raise _wrong("runtime", value, "an object")
    known = {field.name: field.type for field in fields(RuntimeOptions)}
    for key, option in value.items():
        if key not in known:
            raise _wrong(f"runtime.{key}", option, "no such key, but one of " + ", ".join(known))
        if known[key] is bool and not isinstance(option, bool):
            raise _wrong(f"runtime.{key}", option, "true or false")
        if known[key] is int and not _is_count(option):
            raise _wrong(f"runtime.{key}", option, f"a whole number from 1 to {MAX_THREADS}")
        if key == "graph_optimization" and option not in OPTIMIZATIONS:
            raise _wrong(f"runtime.{key}", option, "one of " + ", ".join(OPTIMIZATIONS))
    return RuntimeOptions(**value)


def _is_count(option: Any) -> bool:
    return isinstance(option, int) and not isinstance(option, bool) and 1 <= option <= MAX_THREADS


def _wrong(field: str, got: Any, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"model.json: {field} is {str(got)[:80]!r}",
        why=f"expected {expected}",
        remedy="correct it, or leave it out for the default",
    )
