"""Keras 3 on PyTorch: stored as `.keras` archive, converted by PyTorch's exporter.

The model has one input and one output. It sees images as float32 [rows, height, width, 3] from 0 to
255, scaled to the size that it was built for: normalisation is its first layer (`Rescaling`). It
sees a table as one matrix of float32, the columns of `data.features` in their order. A regression
answers one number, a classification one probability for each class: its last layer is a softmax.
"""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.flavours import Restore
from protos.errors import ConfigurationError, VerificationFailed

if TYPE_CHECKING:
    import numpy as np
    import onnx
    import pandas as pd
    from numpy.typing import NDArray

    from edge_assets.core.config_schema import ModelConfig
    from edge_assets.core.measuring import Outputs

NEEDS = ("keras", "torch", "onnxscript", "h5py")
EXTRA = "deep"
_BATCH = 256


def import_keras() -> Any:
    """Keras on PyTorch. Raises ConfigurationError when it was imported on another backend."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    if keras.backend.backend() != "torch":
        raise ConfigurationError(
            "Keras does not run on PyTorch here",
            why=f"it was imported with the backend {keras.backend.backend()} before",
            remedy="set KERAS_BACKEND=torch",
        )
    return keras


def dump(model: Any) -> bytes:
    """The model as `.keras` archive, without its optimiser; equal models give equal bytes.

    Raises ConfigurationError, or VerificationFailed as `load`, when it is not made of layers of
    Keras alone.
    """
    from edge_assets.flavours.keras_archive import check, pack

    import_keras()
    try:
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ConfigurationError(
            f"a {type(model).__name__} cannot be stored",
            why=str(error).splitlines()[0][:300],
            remedy="build it with keras.Sequential or keras.Model(inputs, outputs)",
        ) from error
    for variable in bare.variables:
        if "seed_generator" in variable.path:  # the dice of dropout: they only matter in training
            variable.assign(variable.value * 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        bare.save(path)
        archive = pack(path.read_bytes())
    check(archive)
    return archive


def load(data: bytes, restore: Restore | None = None) -> Any:
    """The model again, without its optimiser. Raises VerificationFailed for what holds code."""
    from edge_assets.flavours.keras_archive import check

    check(data)
    keras = import_keras()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(data)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError, OSError) as error:
            raise VerificationFailed(
                "the model is not loaded",
                why=str(error).splitlines()[0][:300],
                remedy="train it again",
            ) from error


def predict(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "Outputs":
    """The target, and the probabilities of a classification.

    Raises ConfigurationError when the model has another number of outputs than `model.yaml` says.
    """
    import numpy as np

    prediction = config.prediction
    _check_outputs(model, config)
    seen = inputs_of(model, rows, config)
    parts = [
        model(seen[start : start + _BATCH], training=False).detach().cpu().numpy()
        for start in range(0, len(seen), _BATCH)
    ]
    answer = np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), np.float32)
    if prediction.kind == "regression":
        return {prediction.target: answer.reshape(-1, 1)}
    labels = np.array(prediction.classes, dtype=_dtype_of(prediction.classes))
    return {
        prediction.target: labels[answer.argmax(axis=1)].reshape(-1, 1),
        PROBABILITIES: answer,
    }


def inputs_of(model: Any, rows: "pd.DataFrame", config: "ModelConfig") -> "NDArray[np.float32]":
    """What the model sees of the rows: scaled images, or the matrix of the features."""
    import numpy as np

    if config.data.kind == "images":
        from edge_assets.graphs_of_images import scale

        (column,) = config.data.columns
        height, width = model.input_shape[1:3]
        return scale(rows[column.name], height, width)
    return rows[list(config.data.seen)].to_numpy(dtype=np.float32)


def to_onnx(model: Any, config: "ModelConfig") -> "onnx.ModelProto":
    """The model behind what makes its input of the columns, as one graph.

    Raises ConfigurationError as `predict`.
    """
    from onnx import compose

    from edge_assets.graphs import finish, join_matrix, use_opsets
    from edge_assets.graphs_of_images import SCALED, resize_head

    _check_outputs(model, config)
    images = config.data.kind == "images"
    body = _converted(model)
    if config.prediction.kind == "classification":
        _tell_class(body, config)
    use_opsets(body)
    if not images:
        columns = [column for column in config.data.columns if column.name in config.data.seen]
        return finish(join_matrix(body, columns), config)
    (column,) = config.data.columns
    head = resize_head(column.name, *model.input_shape[1:4])
    joined = compose.merge_models(
        compose.add_prefix(head, "head_", rename_inputs=False),
        compose.add_prefix(body, "model_"),
        io_map=[(f"head_{SCALED}", f"model_{body.graph.input[0].name}")],
    )
    return finish(joined, config)


def _converted(model: Any) -> "onnx.ModelProto":
    """The model as PyTorch's exporter makes it, its input called `matrix`, any number of rows."""
    import torch

    from edge_assets.flavours.torch import export
    from edge_assets.graphs import IR_VERSION, MATRIX, OPSETS, ROWS

    class Asked(torch.nn.Module):
        """The model with a named parameter, which the exporter wants; Keras takes any."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, matrix: Any) -> Any:
            return self.model(matrix, training=False)

    example = {MATRIX: torch.zeros((2, *model.input_shape[1:]))}
    with _quiet():
        made = export(Asked(), example, ["scores"], {MATRIX: {0: ROWS}}, opset=OPSETS[""])
    made.ir_version = IR_VERSION
    _rename_all(made)
    return made


def _rename_all(model: "onnx.ModelProto") -> None:
    """Names by place: Keras counts the layers that were made in a process in theirs."""
    graph = model.graph
    inside = [tensor.name for tensor in graph.initializer]
    inside += [name for node in graph.node for name in node.output if name]
    known = {value.name for value in (*graph.input, *graph.output)}
    names = {
        name: f"v{place}" for place, name in enumerate(dict.fromkeys(inside)) if name not in known
    }
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for place, node in enumerate(graph.node):
        node.name = f"n{place}"
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del graph.value_info[:]
    graph.name = "model"


def _tell_class(model: "onnx.ModelProto", config: "ModelConfig") -> None:
    """Adds the class with the largest probability, as the first output."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph, classes = model.graph, config.prediction.classes
    (scores,) = graph.output
    texts = isinstance(classes[0], str)
    names = np.array(classes, dtype=_dtype_of(classes))
    graph.initializer.append(numpy_helper.from_array(names, "classes"))
    graph.node.extend(
        [
            helper.make_node("ArgMax", [scores.name], ["place"], axis=1, keepdims=1),
            helper.make_node("Gather", ["classes", "place"], ["class"]),
        ]
    )
    kind = TensorProto.STRING if texts else TensorProto.INT64
    rows = scores.type.tensor_type.shape.dim[0].dim_param
    outputs = [helper.make_tensor_value_info("class", kind, [rows, 1]), scores]
    kept = [type(output).FromString(output.SerializeToString()) for output in outputs]
    del graph.output[:]
    graph.output.extend(kept)


def _check_outputs(model: Any, config: "ModelConfig") -> None:
    prediction = config.prediction
    wanted = len(prediction.classes) if prediction.kind == "classification" else 1
    got = model.output_shape
    if tuple(got[1:]) != (wanted,):
        raise ConfigurationError(
            f"the model of {config.name} answers something else than model.yaml declares",
            why=f"one row of its output has the shape {list(got[1:])}, and {[wanted]} is needed",
            remedy="name under prediction.classes what is in the data, and end the model with one "
            "unit for each, with a softmax over them",
        )
    if list(prediction.classes) != sorted(prediction.classes):
        raise ConfigurationError(
            f"the classes of {config.name} are not in ascending order",
            why="the first output of the model is taken for the first class, in this order",
            remedy="sort prediction.classes in model.yaml",
        )


def _dtype_of(classes: tuple[int, ...] | tuple[str, ...]) -> str:
    return "object" if isinstance(classes[0], str) else "int64"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about packages that are not there, and about itself."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
