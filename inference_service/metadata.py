"""ModelMetadata: what a model tells of itself."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from inference_service.description import TensorSpec
from inference_service.repository import ModelState, ServedModel
from protos import inference_pb2 as pb


class Counts(Protocol):
    """Where the counters of capture come from."""

    def counters(self) -> Mapping[str, int]:
        """How many requests were captured and dropped so far."""


def model_metadata(
    model: ServedModel, states: Sequence[ModelState], capture: Counts | None
) -> pb.ModelMetadataResponse:
    """Inputs, outputs and properties of `model`; `versions` are all that are served of its name."""
    known = model.description
    properties = dict(model.properties)
    if capture is not None:
        properties |= {f"capture_{word}": str(n) for word, n in capture.counters().items()}
    return pb.ModelMetadataResponse(
        name=known.name,
        versions=[
            state.version
            for state in states
            if isinstance(state, ServedModel) and state.name == known.name
        ],
        platform="onnxruntime_onnx",
        inputs=[_tensor(spec) for spec in known.inputs],
        outputs=[_tensor(spec) for spec in known.outputs],
        properties=properties,
    )


def _tensor(spec: TensorSpec) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(
        name=spec.name, datatype=spec.datatype, shape=spec.shape
    )
