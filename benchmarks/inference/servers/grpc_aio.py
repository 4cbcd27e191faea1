"""Tuned servers on grpc.aio, written by hand: what grpcio in Python can do at best.

    python grpc_aio.py infer|echo --port PORT [--model MODEL.onnx]

`echo` hands back the bytes of ModelInfer, and each message of ModelStreamInfer, as they came: no
message is parsed, no model asked. `infer` parses with protobuf, asks onnxruntime (one thread), and
checks nothing. Generic handlers (no interceptor, no stub), uvloop where it is installed, no limit
on message size. `infer` needs the folder of `protos` on PYTHONPATH.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

UNARY = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_concurrent_streams", 1000),
]


class Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """The methods of one server by their paths."""

    def __init__(self, methods: dict[str, Any]) -> None:
        self._methods = methods

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None for a path that is not served."""
        return self._methods.get(handler_call_details.method)


async def echo(request: bytes, context: Any) -> bytes:
    """The bytes as they came."""
    return request


async def echo_stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    """Each message as it came."""
    async for request in requests:
        yield request


def model_infer(path: str) -> Callable[[Any, Any], Awaitable[Any]]:
    """ModelInfer of the ONNX model at `path`, as short as it can be."""
    import numpy as np
    import onnxruntime as ort

    from protos import inference_pb2 as pb

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    kinds: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}
    words = {np.dtype("<f4"): "FP32", np.dtype("<i8"): "INT64"}

    async def infer(request: pb.ModelInferRequest, context: Any) -> pb.ModelInferResponse:
        feeds = {
            tensor.name: np.frombuffer(raw, kinds[tensor.datatype]).reshape(tensor.shape)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        response = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
        for name, value in zip(names, session.run(names, feeds), strict=True):
            response.outputs.add(name=name, datatype=words[value.dtype], shape=value.shape)
            response.raw_output_contents.append(value.tobytes())
        return response

    return infer


async def serve(kind: str, port: int, model: str) -> None:
    """Serves until it is ended."""
    if kind == "infer":
        from protos import inference_pb2 as pb

        methods = {
            UNARY: grpc.unary_unary_rpc_method_handler(
                model_infer(model),
                pb.ModelInferRequest.FromString,
                pb.ModelInferResponse.SerializeToString,
            )
        }
    else:
        methods = {
            UNARY: grpc.unary_unary_rpc_method_handler(echo),
            STREAM: grpc.stream_stream_rpc_method_handler(echo_stream),
        }
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Handlers(methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["infer", "echo"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    options = parser.parse_args()
    if options.loop == "uvloop":
        try:
            import uvloop

            uvloop.install()
        except ImportError:  # some platforms have none
            pass
    asyncio.run(serve(options.kind, options.port, options.model))


if __name__ == "__main__":
    main()
