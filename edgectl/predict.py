"""`edgectl predict`: ask the model on a device, over the same gRPC as any other client."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from edgectl.models import chosen_model, deployed_models, model_option
from edgectl.output import emit, following, json_option
from protos.errors import (
    ConfigurationError,
    DeadlineExceeded,
    EdgeAssetsError,
    NotFound,
    Unavailable,
)

_MESSAGE_BYTES = 16 << 20


@click.command(
    epilog="\b\nExamples:\n"
    "  edgectl predict line-1\n"
    "  edgectl predict line-1 --json-input '{\"distance\": [1.2, 3.4], ...}'\n"
    "  cat rows.json | edgectl predict line-1 --json-input - --json"
)
@click.argument("device")
@click.option(
    "--json-input",
    "given",
    help="Inputs as {name: value or [values]}, null for unknown; - reads stdin. "
    "Without it, one synthetic row is asked.",
)
@click.option("--endpoint", help="host:port to ask, in place of what the device reported.")
@click.option("--deadline", default=10.0, show_default=True, help="Seconds to wait.")
@model_option
@json_option
def predict(
    device: str,
    given: str | None,
    endpoint: str | None,
    deadline: float,
    model: str | None,
    as_json: bool,
) -> None:
    """Ask the model that DEVICE serves for a prediction."""
    name = chosen_model(model, lambda: served_at(endpoint) if endpoint else deployed_models())
    target = endpoint or reported_endpoint(device, name)
    if given is None:
        columns = _synthetic_row(name)
    else:
        columns = parse_inputs(sys.stdin.read() if given == "-" else given)
    answer = ask(target, name, columns, deadline)
    emit({"device": device, "endpoint": target, **answer}, as_json, lambda: _text(answer))
    following(f"edgectl why {device}")


def reported_endpoint(device: str, model: str) -> str:
    """Where the device's own smoke test reaches the model; Unavailable when it never reported."""
    from resources.hub import Hub
    from resources.settings import load_settings

    hub = Hub.from_settings(load_settings())
    hub.device(device)  # a device that is not there is another error
    try:
        twin = hub.module_twin(device, f"{model}_smoke_test")
    except NotFound:
        raise Unavailable(
            f"{model} is not deployed on {device}",
            remedy=f"approve a release: edgectl release approve {model} --by NAME --reason TEXT",
        ) from None
    smoke = twin.reported.get("smoke_test")
    endpoint = smoke.get("endpoint") if isinstance(smoke, Mapping) else None
    if not isinstance(endpoint, str) or not endpoint:
        raise Unavailable(
            f"it is not known where {device} serves {model}",
            why="its smoke test has not reported yet",
            remedy=f"wait for the rollout: edgectl fleet show {device}",
        )
    return endpoint


def served_at(endpoint: str, deadline_seconds: float = 10.0) -> list[str]:
    """The models that the service at `endpoint` has. Raises Unavailable, DeadlineExceeded."""
    import grpc

    from protos import inference_pb2 as pb
    from protos import inference_pb2_grpc as pb_grpc

    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            index = stub.RepositoryIndex(pb.RepositoryIndexRequest(), timeout=deadline_seconds)
        except grpc.RpcError as error:
            raise _refused(endpoint, "the service", error) from None
    return sorted({model.name for model in index.models})


def parse_inputs(text: str) -> dict[str, list[Any]]:
    """Columns of equal length from JSON; a value that is no list is a column of one row."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(
            "the inputs are not JSON",
            why=str(error),
            remedy="give the JSON itself, as '{\"name\": value}', or - and the JSON on stdin",
        ) from None
    if not isinstance(found, dict) or not found:
        raise ConfigurationError(
            "the inputs are not an object", remedy='write {"name": value, ...} for every input'
        )
    columns = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ConfigurationError(
            "the inputs do not have the same number of rows",
            why=", ".join(f"{name}: {count}" for name, count in lengths.items()),
        )
    return columns


def ask(
    target: str, model: str, columns: Mapping[str, Sequence[Any]], deadline_seconds: float
) -> dict[str, Any]:
    """Asks the service at `target` (host:port); the answer tells which digest gave it.

    Raises ConfigurationError for inputs that the model does not take, Unavailable or
    DeadlineExceeded when nobody answers.
    """
    import grpc

    from protos import inference_pb2 as pb
    from protos import inference_pb2_grpc as pb_grpc

    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", _MESSAGE_BYTES)]
    with grpc.insecure_channel(target, options=options) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            metadata = stub.ModelMetadata(
                pb.ModelMetadataRequest(name=model), timeout=deadline_seconds
            )
            request = make_request(model, metadata.inputs, columns)
            began = time.perf_counter()
            response = stub.ModelInfer(request, timeout=deadline_seconds)
        except grpc.RpcError as error:
            raise _refused(target, model, error) from None
    milliseconds = (time.perf_counter() - began) * 1000
    return {
        "model": response.model_name,
        "model_version": response.model_version,
        "model_digest": metadata.properties.get("model_digest", ""),
        "outputs": _outputs(response),
        "inputs": dict(columns),
        "milliseconds": round(milliseconds, 3),
    }


def make_request(model: str, inputs: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> Any:
    """The protocol's request for `columns`, in the datatypes that the model declares."""
    from edge.modules.wire import encode_values
    from protos import inference_pb2 as pb

    declared = {tensor.name: tensor for tensor in inputs}
    missing, unknown = set(declared) - set(columns), set(columns) - set(declared)
    if missing or unknown:
        said = [
            f"{word}: {', '.join(sorted(names))}"
            for word, names in (("missing", missing), ("unknown", unknown))
            if names
        ]
        raise ConfigurationError(
            f"{model} does not take these inputs",
            why="; ".join(said),
            remedy=f"give all of: {', '.join(declared)}",
        )
    request = pb.ModelInferRequest(model_name=model)
    for name, tensor in declared.items():
        values, shape = flattened(columns[name])
        try:
            raw = encode_values(tensor.datatype, values)
        except EdgeAssetsError as error:
            raise ConfigurationError(
                f"input {name} is not {tensor.datatype}", why=error.why, remedy="correct its values"
            ) from None
        request.inputs.add(name=name, datatype=tensor.datatype, shape=shape)
        request.raw_input_contents.append(raw)
    return request


def flattened(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Rows as flat values with their shape: one value a row is [rows, 1], images keep theirs.

    Raises ConfigurationError when rows of one size are not.
    """
    shape, flat = [len(values)], list(values)
    while flat and isinstance(flat[0], list):
        size = len(flat[0])
        if any(not isinstance(part, list) or len(part) != size for part in flat):
            raise ConfigurationError(
                "the rows of an input have different sizes", remedy="send them one by one"
            )
        shape.append(size)
        flat = [value for part in flat for value in part]
    return flat, shape if len(shape) > 1 else [*shape, 1]


def _outputs(response: Any) -> dict[str, list[Any]]:
    from edge.modules.wire import decode_values

    return {
        tensor.name: decode_values(tensor.datatype, raw)
        for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }


def _refused(target: str, model: str, error: Any) -> EdgeAssetsError:
    import grpc

    code, details = error.code(), str(error.details() or "")[:300]
    what = f"{model} at {target} gave no prediction"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(what, why="it took too long", remedy="try a longer --deadline")
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE):
        return ConfigurationError(what, why=details, remedy="correct the inputs")
    return Unavailable(
        what, why=details or code.name, remedy="look at the device: edgectl fleet list"
    )


def _synthetic_row(model: str) -> dict[str, list[Any]]:
    from edge_assets.core.folders import model_folder
    from edge_assets.edge_model import EdgeModel

    edge_model = EdgeModel.load(model_folder(model))
    rows = edge_model.prepare(edge_model.sample_rows(20, 7, "none")).kept
    first = rows[list(edge_model.config.data.inputs)].head(1)
    return {
        str(name): [None if x != x else x for x in first[name].tolist()] for name in first.columns
    }


def _text(answer: Mapping[str, Any]) -> str:
    lines = [f"{name}  {'  '.join(map(_value, v))}" for name, v in answer["outputs"].items()]
    lines.append(f"model  {answer['model_digest']}  in {answer['milliseconds']:.1f} ms")
    return "\n".join(lines)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
