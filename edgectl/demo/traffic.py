"""Traffic for the demo: questions that devices are asked, over gRPC as any client would."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgectl.predict import make_request
from protos.errors import Unavailable

if TYPE_CHECKING:
    from edge_assets.chain import Chain

Question = Mapping[str, Sequence[Any]]
"""One row: each input with one value."""


def questions(chain: "Chain", rows: int, seed: int, shift: str) -> list[Question]:
    """Clean made-up rows as a device sees them: the model's inputs, at most `rows` of them."""
    from edge_assets.onnx_session import feeds

    raw = chain.model.sample_rows(rows + rows // 5 + 1, seed, shift)
    kept = chain.model.prepare(raw).kept.head(rows)
    asked: list[Question] = []
    for place in range(len(kept)):
        _, feed = next(feeds(chain.config, kept.iloc[[place]]))
        asked.append(
            {
                name: array.reshape(array.shape[:1] if array.ndim == 2 else array.shape).tolist()
                for name, array in feed.items()
            }
        )
    return asked


def send(
    endpoint: str, model: str, asked: Sequence[Question], seconds: float = 10.0
) -> list[list[Any]]:
    """Asks each question on its own; the first output of each answer.

    Raises Unavailable when the service fails.
    """
    import grpc

    from edge.modules.wire import decode_values
    from protos import inference_pb2 as pb
    from protos import inference_pb2_grpc as pb_grpc

    answers: list[list[Any]] = []
    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name=model), timeout=seconds)
            for question in asked:
                response = stub.ModelInfer(
                    make_request(model, metadata.inputs, question), timeout=seconds
                )
                output = response.outputs[0]
                answers.append(decode_values(output.datatype, response.raw_output_contents[0]))
        except grpc.RpcError as error:
            raise Unavailable(
                f"{model} at {endpoint} does not answer", why=str(error.details() or error.code())
            ) from None
    return answers


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
