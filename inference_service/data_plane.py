"""The data plane: messages of the protocol in, messages out. It knows no transport."""

import itertools
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from inference_service.capture import CapturedRequest
from inference_service.description import ModelDescription, TensorSpec
from inference_service.errors import ModelNotServing, UnknownModel, quoted
from inference_service.model import ModelState, RefusedModel, ServedModel
from inference_service.tensors import Array, decode_tensor, encode_raw, wrong
from protos import inference_pb2 as pb

MAX_ID_LENGTH = 128
_SHARED_MEMORY = "shared_memory_region"


class CaptureSink(Protocol):
    """Takes what was asked and answered; must return at once and never raise."""

    def offer(self, request: CapturedRequest) -> None:
        """Keeps `request`, or drops and counts it."""

    def counters(self) -> Mapping[str, int]:
        """How many requests were captured and dropped so far."""


class DataPlane:
    """Answers every question of the protocol about the model that `state` tells at that moment."""

    def __init__(self, state: Callable[[], ModelState], capture: CaptureSink | None = None) -> None:
        self._state = state
        self._capture = capture
        self._run = uuid.uuid4().hex[:12]
        self._count = itertools.count(1)

    def ready(self, name: str | None = None, version: str = "") -> bool:
        """Whether the model is served; with `name` (and `version`), whether it is that one."""
        state = self._state()
        if isinstance(state, RefusedModel):
            return False
        known = state.description
        return name is None or (name == known.name and version in ("", known.version))

    def metadata(self, name: str, version: str = "") -> pb.ModelMetadataResponse:
        """Inputs, outputs and properties. Raises UnknownModel, ModelNotServing."""
        model = self._served(name, version)
        known = model.description
        properties = {
            "model_digest": model.engine.digest,
            "disk_state": "corrupt" if model.corrupt_on_disk else "verified",
        }
        if self._capture is not None:
            counters = self._capture.counters()
            properties |= {f"capture_{word}": str(count) for word, count in counters.items()}
        return pb.ModelMetadataResponse(
            name=known.name,
            versions=[known.version],
            platform="onnxruntime_onnx",
            inputs=[_metadata(spec) for spec in known.inputs],
            outputs=[_metadata(spec) for spec in known.outputs],
            properties=properties,
        )

    def infer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        """The answer, always with raw contents.

        Its id is the client's, or one of ours where the client gave none. Raises InvalidRequest
        naming the field, UnknownModel, ModelNotServing, ModelFailed.
        """
        model = self._served(request.model_name, request.model_version)
        known = model.description
        if len(request.id) > MAX_ID_LENGTH:
            raise wrong("id", f"{len(request.id)} characters", f"at most {MAX_ID_LENGTH}")
        inputs = _decode_inputs(request, known)
        specs = _requested_outputs(request, known)
        arrays = model.engine.run(inputs, [spec.name for spec in specs])
        own_id = f"{self._run}-{next(self._count)}"
        response = pb.ModelInferResponse(
            model_name=known.name, model_version=known.version, id=request.id or own_id
        )
        for spec, array in zip(specs, arrays, strict=True):
            response.outputs.add(name=spec.name, datatype=spec.datatype, shape=array.shape)
            response.raw_output_contents.append(encode_raw(array))
        if self._capture is not None and _may_be_captured(request):
            self._capture.offer(
                CapturedRequest(
                    # unique whatever the client sends: two captures with one id count as one
                    request_id=f"{request.id}.{own_id}" if request.id else own_id,
                    time=datetime.now(UTC),
                    model=known.name,
                    model_digest=model.engine.digest,
                    inputs=inputs,
                    outputs={spec.name: array for spec, array in zip(specs, arrays, strict=True)},
                )
            )
        return response

    def _served(self, name: str, version: str) -> ServedModel:
        state = self._state()
        if state.name and name != state.name:  # of a folder that is broken, even that is unknown
            raise UnknownModel(f"model_name: got {quoted(name)}, expected {quoted(state.name)}")
        if isinstance(state, RefusedModel):
            raise ModelNotServing(f"model {quoted(name)} is not served", why=state.reason)
        if version not in ("", state.description.version):
            raise UnknownModel(
                f"model_version of {quoted(name)}: got {quoted(version)}, "
                f"expected {quoted(state.description.version)} or none"
            )
        return state


def _metadata(spec: TensorSpec) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(
        name=spec.name, datatype=spec.datatype, shape=spec.shape
    )


def _may_be_captured(request: pb.ModelInferRequest) -> bool:
    """Not if the request's parameter `capture` is false: tests are no traffic to learn from."""
    if "capture" not in request.parameters:  # reading a map's entry would make it
        return True
    return request.parameters["capture"].WhichOneof("parameter_choice") != "bool_param" or bool(
        request.parameters["capture"].bool_param
    )


def _decode_inputs(request: pb.ModelInferRequest, known: ModelDescription) -> dict[str, Array]:
    raws = request.raw_input_contents
    if raws and len(raws) != len(request.inputs):
        raise wrong("raw_input_contents", f"{len(raws)} entries", f"{len(request.inputs)}")
    specs = {spec.name: spec for spec in known.inputs}
    arrays: dict[str, Array] = {}
    for place, tensor in enumerate(request.inputs):
        spec = specs.get(tensor.name)
        if spec is None:
            raise wrong(f"inputs[{place}].name", quoted(tensor.name), ", ".join(specs))
        if spec.name in arrays:
            raise wrong(f"input {quoted(spec.name)}", "it twice", "it once")
        if _SHARED_MEMORY in tensor.parameters:
            raise wrong(f"input {quoted(spec.name)}", "shared memory", "contents in the request")
        if raws and tensor.HasField("contents"):
            raise wrong(f"input {quoted(spec.name)}", "raw and typed contents", "one of the two")
        arrays[spec.name] = decode_tensor(tensor, raws[place] if raws else None, spec)
    if missing := [name for name in specs if name not in arrays]:
        raise wrong("inputs", f"no {quoted(missing[0])}", ", ".join(specs))
    _check_rows(arrays, known)
    return arrays


def _check_rows(arrays: Mapping[str, Array], known: ModelDescription) -> None:
    rows: int | None = None
    for spec in known.inputs:
        if not spec.shape or spec.shape[0] != -1:
            continue
        got = arrays[spec.name].shape[0]
        if rows is not None and got != rows:
            raise wrong(f"input {quoted(spec.name)}: rows", got, f"{rows} as the inputs before it")
        rows = got


def _requested_outputs(request: pb.ModelInferRequest, known: ModelDescription) -> list[TensorSpec]:
    if not request.outputs:
        return list(known.outputs)
    specs = {spec.name: spec for spec in known.outputs}
    chosen: dict[str, TensorSpec] = {}
    for place, output in enumerate(request.outputs):
        if output.name not in specs:
            raise wrong(f"outputs[{place}].name", quoted(output.name), ", ".join(specs))
        if _SHARED_MEMORY in output.parameters:
            raise wrong(f"output {quoted(output.name)}", "shared memory", "none")
        if "classification" in output.parameters:
            raise wrong(f"output {quoted(output.name)}", "classification", "the tensor itself")
        if output.name in chosen:
            raise wrong(f"output {quoted(output.name)}", "it twice", "it once")
        chosen[output.name] = specs[output.name]
    return list(chosen.values())
