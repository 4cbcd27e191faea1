"""PyTorch: stored as weights in safetensors and a description in JSON, converted by torch.onnx.

A trained module has the attribute `meta`, plain JSON values from which `restore(meta)` in
`train.py` makes the same module without weights. What is stored is a zip of two files, and neither
can hold code: nothing is unpickled.

A module without functions of its own (`predict`, `to_onnx`) takes the columns as one matrix of
float32 [rows, columns], and gives the outputs of `prediction` in order, each with the rows first.
"""

import io
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_assets.flavours import Restore
from protos.errors import ConfigurationError, VerificationFailed

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

NEEDS = ("torch", "safetensors", "onnxscript")
EXTRA = "deep"
META, WEIGHTS = "meta.json", "weights.safetensors"
MAX_BYTES = 2 << 30
"""Of both files together, unpacked: a small zip can claim to be a large file."""
_TIME = (1980, 1, 1, 0, 0, 0)


def dump(model: Any) -> bytes:
    """Weights and `meta` in one zip; equal models give equal bytes.

    Raises ConfigurationError when the module has no `meta`, or one that is no JSON.
    """
    import safetensors.torch

    try:
        meta = json.dumps(model.meta, sort_keys=True, allow_nan=False).encode()
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"a {type(model).__name__} cannot be stored",
            why=f"its attribute meta: {error}",
            remedy="give the module `meta`, a dict of plain JSON values, for restore in train.py",
        ) from error
    weights = {name: part.detach().contiguous() for name, part in model.state_dict().items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as stored:
        for name, content in ((META, meta), (WEIGHTS, safetensors.torch.save(weights))):
            stored.writestr(zipfile.ZipInfo(name, _TIME), content)
    return buffer.getvalue()


def load(data: bytes, restore: Restore | None) -> Any:
    """The module again, ready to be asked.

    Raises ConfigurationError when the folder has no `restore`, and VerificationFailed when the
    bytes are not what `dump` made or the weights do not fit the module.
    """
    import safetensors.torch

    if restore is None:
        raise ConfigurationError(
            "the trained module cannot be loaded",
            why="there is no restore(meta) in train.py",
            remedy="write it: it makes the module without weights from its `meta`",
        )
    try:
        meta, weights = _unpack(data)
        content = json.loads(meta)
        parts = safetensors.torch.load(weights)
    except Exception as error:  # zipfile, json and safetensors raise whatever they stumble over
        raise _refused(f"{type(error).__name__}: {error}") from error
    try:
        model = restore(content)
        model.load_state_dict(parts, strict=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _refused(f"weights and meta do not fit: {error}") from error
    return model.eval()


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """Every output of `prediction` by name. Raises ConfigurationError as `to_onnx`."""
    import numpy as np
    import torch

    matrix = rows[list(config.data.seen)].to_numpy(dtype=np.float32)
    with one_thread(), torch.no_grad():
        made = model(torch.from_numpy(np.ascontiguousarray(matrix)))
    names = [output.name for output in config.prediction.outputs]
    given = made if isinstance(made, tuple) else (made,)
    if len(given) != len(names):
        raise ConfigurationError(
            f"the module of {config.name} gives {len(given)} outputs",
            why=f"prediction in model.yaml declares {', '.join(names)}",
            remedy="give these, in this order, or write predict and to_onnx beside model.yaml",
        )
    return {name: part.numpy() for name, part in zip(names, given, strict=True)}


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The module behind its columns, as one graph."""
    import torch

    from edge_assets.graphs import MATRIX, ROWS, finish, join_matrix

    columns = [column for column in config.data.columns if column.name in config.data.seen]
    names = [f"out_{output.name}" for output in config.prediction.outputs]
    exported = export(model, {MATRIX: torch.zeros(2, len(columns))}, names, {MATRIX: {0: ROWS}})
    return finish(join_matrix(exported, columns), config)


def export(
    model: Any,
    example: Mapping[str, Any],
    outputs: Sequence[str],
    free: Mapping[str, Mapping[int, str]],
    *,
    opset: int = 18,
) -> "onnx.ModelProto":
    """`model` as ONNX, with these names of inputs and outputs.

    `example` holds an input for each parameter of `forward`, in order; its sizes are kept, except
    on the axes that `free` names. Let these be 2 or more: torch takes 0 and 1 for constants.
    """
    import torch

    sizes = {
        name: torch.export.Dim(name, min=1) for axes in free.values() for name in axes.values()
    }
    shapes = tuple(
        {axis: sizes[name] for axis, name in free.get(given, {}).items()} for given in example
    )
    with one_thread(), _quiet():
        program = torch.onnx.export(
            model.eval(),
            tuple(example.values()),
            dynamo=True,
            input_names=list(example),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            opset_version=opset,
            verbose=False,
        )
    if program is None:
        raise ConfigurationError("torch gave no ONNX graph", remedy="see what it logged")
    proto: onnx.ModelProto = program.model_proto
    _forget(proto)
    return proto


@contextmanager
def one_thread(seed: int | None = None) -> Iterator[None]:
    """Torch on one thread meanwhile, with a random state of its own where `seed` is given.

    More threads wait for each other longer than they work on models of this size, and one thread
    adds in one order: the same rows give the same model.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about itself: that torchvision is not there, and that parts of
    torch call others in an old way.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _unpack(data: bytes) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as stored:
        names = sorted(stored.namelist())
        if names != sorted((META, WEIGHTS)):
            raise ValueError(f"it holds {', '.join(names[:5])}, not {META} and {WEIGHTS}")
        if sum(part.file_size for part in stored.infolist()) > MAX_BYTES:
            raise ValueError(f"unpacked it is larger than {MAX_BYTES} bytes")
        return stored.read(META), stored.read(WEIGHTS)


def _refused(why: str) -> VerificationFailed:
    return VerificationFailed(
        "the trained module is not loaded", why=why, remedy="train again; nothing was run of it"
    )


def _forget(proto: "onnx.ModelProto") -> None:
    """Removes what says where the exporter ran: equal models give equal bytes."""
    graph = proto.graph
    del proto.metadata_props[:], graph.metadata_props[:]
    parts: tuple[Any, ...] = (
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    )
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    proto.doc_string = graph.doc_string = ""
