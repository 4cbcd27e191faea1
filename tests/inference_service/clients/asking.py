"""Short ways to ask with grpcio, beyond the harness."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from tests.inference_service.harness import Service

INFER = "/inference.GRPCInferenceService/ModelInfer"
OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
LARGE = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
Options = tuple[tuple[str, Any], ...]


@contextmanager
def channel_to(target: str, *options: tuple[str, Any], **more: Any) -> Iterator[grpc.Channel]:
    """A channel with a connection of its own."""
    with grpc.insecure_channel(target, options=(OWN_CONNECTION, *options), **more) as channel:
        yield channel


def stub_of(channel: Any) -> Any:
    return pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]


@contextmanager
def stub_to(target: str, *options: tuple[str, Any], **more: Any) -> Iterator[Any]:
    """A stub on a connection of its own."""
    with channel_to(target, *options, **more) as channel:
        yield stub_of(channel)


def run_count(running: Service, name: str) -> int:
    """How often the model ran so far, well or not."""
    asked = pb.ModelStatisticsRequest(name=name)
    models = running.stub.ModelStatistics(asked, timeout=10).model_stats
    return sum(m.inference_stats.success.count + m.inference_stats.fail.count for m in models)


def unary(channel: Any, path: str) -> Any:
    """The unary method at `path`, in bytes."""
    return channel.unary_unary(path, None, None)


def bidi(channel: Any, path: str) -> Any:
    """The streaming method at `path`, in bytes."""
    return channel.stream_stream(path, None, None)
