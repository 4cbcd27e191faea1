"""The description of a bare `.onnx` file, as its own graph tells it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from inference_service.datatypes import DATATYPES
from inference_service.description import ModelDescription, TensorSpec
from inference_service.runtime_options import DEFAULT_RUNTIME
from inference_service.session import make_session
from protos.digests import digest_bytes, short
from protos.errors import ConfigurationError

_WORDS = {kind.onnx: kind.word for kind in DATATYPES.values()}
# Only the graph's face is wanted: nothing of it is optimised.
_RUNTIME = dataclasses.replace(DEFAULT_RUNTIME, graph_optimization="disabled")


def derive_description(name: str, data: bytes) -> ModelDescription:
    """What model.json would say of the model `data`; its version is its short digest.

    A dimension without a size becomes -1. A tensor of unknown rank looks like a scalar to
    onnxruntime: such a model needs a model.json. Raises ConfigurationError for bytes that
    onnxruntime refuses and for inputs and outputs that the protocol has no word for.
    """
    session = make_session(data, _RUNTIME)
    digest = digest_bytes(data)
    return ModelDescription(
        name=name,
        version=short(digest),
        digest=digest,
        inputs=_specs("input", session.get_inputs()),
        outputs=_specs("output", session.get_outputs()),
    )


def _specs(role: str, nodes: Sequence[Any]) -> tuple[TensorSpec, ...]:
    if not nodes:
        raise _unfit(f"it has no {role}", "expected at least one", "export the model again")
    return tuple(_spec(role, node) for node in nodes)


def _spec(role: str, node: Any) -> TensorSpec:
    where = f"{role} {str(node.name)[:80]!r}"
    if node.type not in _WORDS:
        raise _unfit(
            f"{where} is {str(node.type)[:80]}",
            "expected a tensor of " + ", ".join(_WORDS.values()),
            "export the model with plain tensors (a classifier with zipmap off)",
        )
    if 0 in node.shape:
        raise _unfit(f"{where} has a dimension of size 0", "nothing fits it", "export it again")
    shape = tuple(size if isinstance(size, int) and size > 0 else -1 for size in node.shape)
    return TensorSpec(node.name, _WORDS[node.type], shape)


def _unfit(what: str, why: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"the model cannot be served: {what}", why=why, remedy=remedy)
