"""Traffic for the demo: trips that devices are asked about, over gRPC as any client would."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from edgectl.predict import make_request
from protos.errors import Unavailable

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.chain import Chain


def trips(chain: "Chain", rows: int, seed: int, shift: str) -> "pd.DataFrame":
    """Clean synthetic trips as a device sees them: the model's inputs, one row a trip."""
    raw = chain.function("sample")(rows + rows // 5, seed, shift)
    cleaned = chain.function("clean")(chain.function("standardise")(raw))
    frame: pd.DataFrame = cleaned.kept[list(chain.config.data.inputs)].head(rows)
    return frame


def send(endpoint: str, model: str, frame: "pd.DataFrame", seconds: float = 10.0) -> list[float]:
    """Asks for each row on its own; the predictions. Unavailable when the service fails."""
    import grpc

    from edge.modules.wire import decode_values
    from protos import inference_pb2 as pb
    from protos import inference_pb2_grpc as pb_grpc

    answers = []
    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name=model), timeout=seconds)
            for row in _rows(frame):
                response = stub.ModelInfer(
                    make_request(model, metadata.inputs, row), timeout=seconds
                )
                output = response.outputs[0]
                answers += decode_values(output.datatype, response.raw_output_contents[0])
        except grpc.RpcError as error:
            raise Unavailable(
                f"{model} at {endpoint} does not answer", why=str(error.details() or error.code())
            ) from None
    return [float(answer) for answer in answers]


def served_digest(endpoint: str, model: str, seconds: float = 10.0) -> str:
    """The digest of the model in memory, asked at the service itself; "" when none is served."""
    import grpc

    from protos import inference_pb2 as pb
    from protos import inference_pb2_grpc as pb_grpc

    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name=model), timeout=seconds)
        except grpc.RpcError:
            return ""
    return str(metadata.properties.get("model_digest", ""))


def _rows(frame: "pd.DataFrame") -> Iterable[dict[str, list[Any]]]:
    for row in frame.to_dict("records"):
        yield {str(name): [value] for name, value in row.items()}
