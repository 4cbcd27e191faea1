"""Which path means which method, and what HTTP says of the outcome. Knows no socket."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from google.protobuf.message import Message

from inference_service.errors import InvalidRequest, quoted
from inference_service.http_face.calls import Calls, Refused
from inference_service.http_face.messages import (
    infer_answer,
    infer_request,
    plain,
    read_object,
)
from inference_service.metrics.exposition import CONTENT_TYPE
from inference_service.status import Code, status_of
from protos import inference_pb2 as pb

JSON_TYPE = "application/json"

_STATUSES = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.FAILED_PRECONDITION: 503,  # a model that is not served
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class Asked(NamedTuple):
    """One request: `path` without its query, as it was sent."""

    verb: str
    path: str
    body: bytes = b""
    traceparent: str | None = None


@dataclass(frozen=True)
class Answer:
    """One answer, ready to be sent."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


Action = Callable[[], Answer]


def as_answer(value: object, status: int = 200) -> Answer:
    """`value` as JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Answer(status, text.encode() + b"\n")


def error_answer(status: int, text: str, **headers: str) -> Answer:
    """An error as the protocol has it."""
    body = json.dumps({"error": text}).encode() + b"\n"
    return Answer(status, body, headers={**headers})


def _rendered(metrics: Callable[[], bytes]) -> Answer:
    return Answer(200, metrics(), CONTENT_TYPE)


class Routes:
    """Answers requests by the table of methods."""

    def __init__(self, calls: Calls, render_metrics: Callable[[], bytes] | None = None) -> None:
        self._calls = calls
        self._metrics = render_metrics

    def answer(self, asked: Asked) -> Answer:
        """The answer; never raises."""
        try:
            verb, action = self._found(asked)
            if asked.verb != verb and (asked.verb, verb) != ("HEAD", "GET"):
                return error_answer(405, f"this takes {verb}", Allow=verb)
            return action()
        except Refused as refused:
            return error_answer(_STATUSES.get(refused.code, 500), str(refused))
        except Exception as error:
            code, text = status_of(error)
            return error_answer(_STATUSES.get(code, 500), text)

    def _found(self, asked: Asked) -> tuple[str, Action]:
        match [unquote(word) for word in asked.path.strip("/").split("/")]:
            case ["metrics"] if self._metrics is not None:
                return "GET", partial(_rendered, self._metrics)
            case ["v2"]:
                return "GET", self._server
            case ["v2", "health", "live"]:
                return "GET", self._live
            case ["v2", "health", "ready"]:
                return "GET", self._ready
            case ["v2", "repository", "index"]:
                return "POST", partial(self._index, asked)
            case ["v2", "models", "stats"]:
                return "GET", partial(self._statistics, "", "")
            case ["v2", "models", model, "versions", version, *rest]:
                pass
            case ["v2", "models", model, *rest]:
                version = ""
            case _:
                model, rest = "", ["no model"]
        match rest:
            case []:
                return "GET", partial(self._metadata, model, version)
            case ["ready"]:
                return "GET", partial(self._model_ready, model, version)
            case ["stats"]:
                return "GET", partial(self._statistics, model, version)
            case ["infer"]:
                return "POST", partial(self._infer, asked, model, version)
        raise Refused(Code.NOT_FOUND, f"there is no {quoted(asked.path)} here")

    def _server(self) -> Answer:
        answer = self._ask("ServerMetadata", pb.ServerMetadataRequest())
        return as_answer(plain(pb.ServerMetadataResponse.FromString(answer)))

    def _live(self) -> Answer:
        answer = self._ask("ServerLive", pb.ServerLiveRequest())
        live = pb.ServerLiveResponse.FromString(answer).live
        return as_answer({"live": live}, 200 if live else 503)

    def _ready(self) -> Answer:
        answer = self._ask("ServerReady", pb.ServerReadyRequest())
        ready = pb.ServerReadyResponse.FromString(answer).ready
        return as_answer({"ready": ready}, 200 if ready else 503)

    def _model_ready(self, model: str, version: str) -> Answer:
        answer = self._ask("ModelReady", pb.ModelReadyRequest(name=model, version=version))
        ready = pb.ModelReadyResponse.FromString(answer).ready
        return as_answer({"name": model, "ready": ready}, 200 if ready else 503)

    def _metadata(self, model: str, version: str) -> Answer:
        answer = self._ask("ModelMetadata", pb.ModelMetadataRequest(name=model, version=version))
        return as_answer(plain(pb.ModelMetadataResponse.FromString(answer)))

    def _statistics(self, model: str, version: str) -> Answer:
        asked = pb.ModelStatisticsRequest(name=model, version=version)
        answer = self._ask("ModelStatistics", asked)
        return as_answer(plain(pb.ModelStatisticsResponse.FromString(answer)))

    def _index(self, asked: Asked) -> Answer:
        ready = read_object(asked.body).get("ready", False)
        if not isinstance(ready, bool):
            raise InvalidRequest("ready: expected true or false")
        answer = self._ask("RepositoryIndex", pb.RepositoryIndexRequest(ready=ready))
        return as_answer(plain(pb.RepositoryIndexResponse.FromString(answer))["models"])

    def _infer(self, asked: Asked, model: str, version: str) -> Answer:
        request = infer_request(asked.body, model, version)
        answer = self._ask("ModelInfer", request, asked.traceparent)
        return as_answer(infer_answer(pb.ModelInferResponse.FromString(answer)))

    def _ask(self, name: str, message: Message, traceparent: str | None = None) -> bytes:
        return self._calls.ask(name, message.SerializeToString(), traceparent)
