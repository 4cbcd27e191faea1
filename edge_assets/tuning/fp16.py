"""A graph that reckons in 16-bit floats inside, while its inputs and outputs stay as they are.

Not `onnxruntime.transformers.float16`: importing it puts its whole folder on `sys.path`; it clips
constants that are too large without a word; and its result does not open (1.31) where two nodes
that stay share a value, nor where a Loop that stays takes a converted one from outside.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_service.tune.questions import Question
from protos.errors import ConfigurationError, ParityFailed

if TYPE_CHECKING:
    import onnx

    from edge_assets.tuning.fp16_nodes import Slots, Values

FP16 = "fp16"


@dataclass(frozen=True)
class Halved:
    """What became of a graph: bytes of the file before and after, and the nodes in 16 bits.

    `left` counts by operator those that have 32-bit floats and kept them. `rounded` is the graph
    that shows what this does to the answers on any CPU, for `judge_rounded`.
    """

    bytes_before: int
    bytes_after: int
    nodes: int
    left: Mapping[str, int]
    rounded: bytes = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """As it stands in `tuning.json`."""
        return {
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "nodes": self.nodes,
            "left": dict(self.left),
        }


def halve(model: Path, target: Path, questions: Sequence[Question]) -> Halved:
    """Writes the graph with its large constants, and what is reckoned with them, in float16.

    16 bits begin at nodes with large constants, and go on as long as each operator may have them:
    what comes before, as the scaling of columns, keeps its precision. 32 bits keep nodes whose
    values leave the range of float16 on `questions`, or whose constants do; operators of other
    domains (the trees of ai.onnx.ml); Loop, If and what is inside of them. Equal graphs and
    questions give equal bytes.

    Raises ConfigurationError if nothing in the graph can be made of float16 or nothing would be
    gained, or if onnxruntime refuses the graph or the result; ParityFailed if all that could be is
    out of range.
    """
    import onnx

    from edge_assets.tuning.fp16_graph import hoist_constants, rewrite
    from edge_assets.tuning.fp16_nodes import Values, convertible, half_nodes
    from edge_assets.tuning.fp16_ranges import out_of_range
    from edge_assets.tuning.fp16_rounded import rounded

    try:
        graph = onnx.load(str(model))
    except Exception as error:  # protobuf's own, all of them mean this
        raise ConfigurationError(
            f"{model.name} cannot be read", why=str(error)[:300], remedy="export it again"
        ) from error
    hoist_constants(graph)
    values = Values.of(graph)
    fit = [convertible(node, values) for node in graph.graph.node]
    half = half_nodes(graph.graph, fit, values)
    if not any(half):
        raise _nothing(model, _floats(graph, values, half))
    far = out_of_range(graph, fit, values, questions)
    kept = [
        None if slots and far.keys() & slots.names(node) else slots
        for node, slots in zip(graph.graph.node, fit, strict=True)
    ]
    half = half_nodes(graph.graph, kept, values)
    if not any(half):
        name, reached = max(far.items(), key=lambda item: item[1])
        raise ParityFailed(
            f"{model.name} cannot be made of float16",
            why=f"{name!r} reaches {reached:.3g}, and float16 holds 6e-08 to 65504",
            remedy="scale columns and target inside of the model, or tune it without --fp16",
        )
    left = _floats(graph, values, half)
    shown = rounded(graph, half, values)
    rewrite(graph, half, values)
    data = graph.SerializeToString(deterministic=True)
    before = model.stat().st_size
    if len(data) >= before:
        raise _nothing(model, left)
    _open(data, model.name)
    target.write_bytes(data)
    return Halved(before, len(data), sum(map(bool, half)), left, shown)


def _floats(
    model: "onnx.ModelProto", values: "Values", half: Sequence["Slots | None"]
) -> dict[str, int]:
    """The operators with 32-bit floats that are not in 16 bits, and how many nodes each has."""
    pairs = zip(model.graph.node, half, strict=True)
    return dict(
        sorted(
            Counter(
                node.op_type
                for node, slots in pairs
                if slots is None and any(map(values.is_float, (*node.input, *node.output)))
            ).items()
        )
    )


def _nothing(model: Path, left: Mapping[str, int]) -> ConfigurationError:
    known = f": its floats are in {', '.join(left)}" if left else ""
    return ConfigurationError(
        f"{model.name} cannot be made of float16",
        why=f"no operator that may be has constants that are worth it{known}",
        remedy="tune it without --fp16",
    )


def _open(data: bytes, name: str) -> None:
    """Raises ConfigurationError unless onnxruntime opens the rewritten graph."""
    from inference_service.runtime_options import DEFAULT_RUNTIME
    from inference_service.session import make_session

    try:
        make_session(data, DEFAULT_RUNTIME)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{name} cannot be made of float16",
            why="onnxruntime refuses the result",
            remedy="read the log above, tune it without --fp16",
        ) from error
