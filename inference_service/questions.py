"""Questions of the protocol, checked against what the model declares."""

from collections.abc import Mapping

from inference_service.description import ModelDescription, TensorSpec
from inference_service.errors import quoted
from inference_service.tensors import Array, decode_tensor, wrong
from protos import inference_pb2 as pb

_SHARED_MEMORY = "shared_memory_region"


def decode_inputs(request: pb.ModelInferRequest, known: ModelDescription) -> dict[str, Array]:
    """The inputs by name. Raises InvalidRequest naming the field."""
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


def requested_outputs(request: pb.ModelInferRequest, known: ModelDescription) -> list[TensorSpec]:
    """The outputs that are asked for, all where none is named. Raises InvalidRequest."""
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


def may_be_captured(request: pb.ModelInferRequest) -> bool:
    """Not if the request's parameter `capture` is false: tests are no traffic to learn from."""
    if "capture" not in request.parameters:  # reading a map's entry would make it
        return True
    return request.parameters["capture"].WhichOneof("parameter_choice") != "bool_param" or bool(
        request.parameters["capture"].bool_param
    )


def _check_rows(arrays: Mapping[str, Array], known: ModelDescription) -> None:
    rows: int | None = None
    for spec in known.inputs:
        if not spec.shape or spec.shape[0] != -1:
            continue
        got = arrays[spec.name].shape[0]
        if rows is not None and got != rows:
            raise wrong(f"input {quoted(spec.name)}: rows", got, f"{rows} as the inputs before it")
        rows = got
