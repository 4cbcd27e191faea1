"""Rewritten graphs: optimised when it is built instead of at each load, and in 8-bit integers."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference_service.tune.questions import Question
from protos.errors import ConfigurationError

PREPARED = "prepared"
INT8 = "int8"

_QUANTISABLE = ("Conv", "MatMul", "Gemm")


def prepare(model: Path, target: Path) -> None:
    """Writes the graph as onnxruntime optimises it, so that a device need not do it at each load.

    At level `extended`: what `all` adds depends on the CPU, and is left to the device. The result
    may hold operators of onnxruntime's own. Raises ConfigurationError if it refuses the model.
    """
    import onnxruntime

    from inference_service.runtime_options import RuntimeOptions
    from inference_service.session import session_options

    options = session_options(RuntimeOptions(graph_optimization="extended"))
    options.optimized_model_filepath = str(target)
    try:
        onnxruntime.InferenceSession(
            model.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises many kinds, all of them mean this
        raise ConfigurationError(
            f"{model.name} cannot be optimised", why=str(error)[:300], remedy="export it again"
        ) from error


def quantise(model: Path, target: Path, calibration: Sequence[Question]) -> None:
    """Writes the graph with its convolutions and matrix products in 8-bit integers.

    Static: the ranges of all values are taken from the rows of `calibration`. Dynamic quantisation
    is not offered: it makes convolutions slower, and it takes the range from the rows that are
    asked together, so that an answer would depend on its neighbours in a batch. Raises
    ConfigurationError if there is nothing in the graph to quantise, or nothing to calibrate with.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not calibration:
        raise ConfigurationError(
            "8-bit integers need rows to calibrate with",
            why="there is neither a golden.json nor a calibration file",
            remedy="give rows like those of the device: --calibration FILE.npz",
        )
    found = {node.op_type for node in onnx.load(str(model)).graph.node}
    if not found & set(_QUANTISABLE):
        raise ConfigurationError(
            f"{model.name} cannot be made of 8-bit integers",
            why=f"it has none of {', '.join(_QUANTISABLE)}",
            remedy="tune it without --int8",
        )
    shaped = target.with_suffix(".shaped.onnx")
    with _quiet():
        # Symbolic shapes need sympy; onnx's own shape inference is enough for fixed row sizes.
        quant_pre_process(str(model), str(shaped), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(shaped),
            str(target),
            _reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            # 7 bits for weights: CPUs without VNNI would overflow their 16-bit sums with 8.
            reduce_range=True,
            op_types_to_quantize=list(_QUANTISABLE),
        )
    shaped.unlink()


def _reader(calibration: Sequence[Question]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out one row after the other."""

        def __init__(self) -> None:
            self._rows: Iterator[Mapping[str, Any]] = iter(calibration)

        def get_next(self) -> Mapping[str, Any] | None:
            return next(self._rows, None)

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser gives hints about its own defaults through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
