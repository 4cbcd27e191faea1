"""The servers under measurement: each started when it is first asked for, all gone at the end."""

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.inference import load, native
from benchmarks.inference.models import BenchmarkModel, image_model, logistic_model
from benchmarks.inference.peers import peer_environment
from benchmarks.inference.processes import Cores, Server, free_port
from benchmarks.inference.questions import (
    STREAM,
    UNARY,
    Question,
    ask,
    check_answer,
    framed,
    question,
)
from benchmarks.inference.rounds import Sample
from protos.errors import EdgeAssetsError, Unavailable

ROOT = Path(__file__).resolve().parents[2]
SERVERS = Path(__file__).parent / "servers"
READY_SECONDS = 60.0
_PROBE_SECONDS = 2.0
_WARM_SECONDS = 0.5
_LISTENING = re.compile(r"listening on .*:(\d+)")
_MICRO = 1e6


@dataclass(frozen=True)
class Effort:
    """How long one measurement takes, in how many rounds; for starts, how many of them."""

    seconds: float = 2.0
    rounds: int = 5
    fine_rounds: int = 11
    starts: int = 15


class Bench:
    """Cores, models, questions and servers of one run; a context manager."""

    def __init__(
        self, cores: Cores, cache: Path, effort: Effort, service: Mapping[str, str]
    ) -> None:
        self.cores, self.cache, self.effort = cores, cache, effort
        self.service_settings = dict(service)
        self._stack = contextlib.ExitStack()
        self._servers: dict[str, Server | EdgeAssetsError] = {}
        cache.mkdir(parents=True, exist_ok=True)
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=cache)))

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def logistic(self) -> BenchmarkModel:
        """The model that costs next to nothing."""
        return logistic_model(self.folder / "logistic")

    @cached_property
    def image(self) -> BenchmarkModel:
        """The model with an input of 600 KB."""
        return image_model(self.folder / "image")

    @cached_property
    def question(self) -> Question:
        """The question to `logistic`."""
        return question(self.logistic, self.folder)

    @cached_property
    def image_question(self) -> Question:
        """The question to `image`."""
        return question(self.image, self.folder)

    @cached_property
    def client(self) -> native.Client:
        """The client in C."""
        return native.Client(native.compiled(self.cache), self.cores.load)

    def server(self, name: str, start: Callable[[], Server]) -> Server:
        """The server called `name`, started by `start` once; an error of the start comes again."""
        if name not in self._servers:
            try:
                self._servers[name] = self._stack.enter_context(start())
            except EdgeAssetsError as error:
                self._servers[name] = error
        found = self._servers[name]
        if isinstance(found, EdgeAssetsError):
            raise found
        return found

    def started(self, server: Server, question: Question, *, echo: bool = False) -> Server:
        """`server` when it answers `question` rightly and is warm; ended when it does not."""

        def answers() -> bool:
            try:
                answer = ask(server.port, question.message, seconds=_PROBE_SECONDS)
            except Unavailable:
                return False
            check_answer(answer, question, echo=echo)
            return True

        try:
            server.wait_ready(answers, READY_SECONDS)
            self.shot(server, question, echo=echo, seconds=_WARM_SECONDS)()
        except BaseException:
            server.stop()
            raise
        return server

    def service(
        self, name: str, model: BenchmarkModel, *, python: str = sys.executable, **settings: str
    ) -> Server:
        """A new process of the inference service as shipped, but for `settings`; it listens."""
        server = Server(
            name,
            [python, "-m", "inference_service", "--model", str(model.folder)],
            self.cores.server,
            self.folder / f"{name}.log",
            environment=clean_environment(
                INFERENCE_ADDRESS="127.0.0.1:0", **(self.service_settings | settings)
            ),
            folder=ROOT,
        )
        try:
            server.wait_ready(lambda: _LISTENING.search(server.log()) is not None, READY_SECONDS)
        except BaseException:
            server.stop()
            raise
        server.port = int(_LISTENING.findall(server.log())[-1])
        return server

    def ours(self) -> Server:
        """The service with the logistic model."""
        return self.server(
            "ours",
            lambda: self.started(self.service("ours", self.logistic), self.question),
        )

    def echo(self) -> Server:
        """The echo of grpc.aio."""
        return self.server(
            "echo", lambda: self.started(self._aio("echo"), self.question, echo=True)
        )

    def infer(self) -> Server:
        """ModelInfer on grpc.aio, with the logistic model."""
        return self.server(
            "infer", lambda: self.started(self._aio("infer", self.logistic), self.question)
        )

    def own_echo(self) -> Server:
        """The echo of grpc.aio on the grpcio that this project pins."""
        return self.server(
            "own-echo",
            lambda: self.started(
                aio_server(self, sys.executable, "echo", None), self.question, echo=True
            ),
        )

    def own_infer(self) -> Server:
        """ModelInfer on grpc.aio, on the grpcio that this project pins."""
        return self.server(
            "own-infer",
            lambda: self.started(
                aio_server(self, sys.executable, "infer", self.logistic), self.question
            ),
        )

    def image_infer(self) -> Server:
        """ModelInfer on grpc.aio, with the image model."""
        return self.server(
            "image-infer",
            lambda: self.started(self._aio("infer", self.image), self.image_question),
        )

    def mlserver(self) -> Server:
        """MLServer in its own environment, one process, without its access log."""
        return self.server("mlserver", self._start_mlserver)

    def kserve(self) -> Server:
        """The KServe Python server in its own environment."""
        return self.server("kserve", self._start_kserve)

    def shot(
        self,
        server: Server,
        question: Question,
        *,
        connections: int = 1,
        streams: int = 1,
        echo: bool = False,
        seconds: float = 0.0,
    ) -> Callable[[], Sample]:
        """One measurement of ModelInfer with h2load; the answers are checked before and after."""

        def measure() -> Sample:
            answer = ask(server.port, question.message)
            check_answer(answer, question, echo=echo)
            before = server.cpu_seconds()
            seen = load.h2load(
                server.port,
                question.file,
                connections=connections,
                streams=streams,
                seconds=seconds or self.effort.seconds,
                core=self.cores.load,
            )
            cpu = server.cpu_seconds() - before
            last = ask(server.port, question.message)
            check_answer(last, question, echo=echo)
            # a server may number its answers, so that the last ones are longer
            sizes = sorted(len(framed(text)) for text in (answer, last))
            load.check_bytes(seen, sizes[0], sizes[1], connections * streams)
            return Sample(seen.rate, cpu_us=cpu / seen.answers * _MICRO)

        return measure

    def native_shot(
        self,
        server: Server,
        *,
        path: str = UNARY,
        connections: int = 1,
        streams: int = 1,
        echo: bool = False,
        tls: native.Certificates | None = None,
    ) -> Callable[[], Sample]:
        """One measurement with the client in C, which looks into every answer."""
        holds = self.folder / ("holds.echo" if echo else "holds.infer")
        holds.write_bytes(self.question.message if echo else self.question.first_output)

        def measure() -> Sample:
            told = self.client.run(
                server.port,
                path,
                self.question.file,
                self.effort.seconds,
                connections=connections,
                streams=streams,
                holds=holds,
                bidi=path == STREAM,
                tls=tls,
            )
            return Sample(told.rate, p50_us=told.p50_us, p99_us=told.p99_us)

        return measure

    def bare_round_trips(self) -> Sample:
        """How often a program in C that does nothing else answers one connection."""
        cores, seconds = self.cores, self.effort.seconds
        rate = native.round_trips(self.cache, free_port(), seconds, cores.server, cores.load)
        return Sample(rate)

    def _aio(self, kind: str, model: BenchmarkModel | None = None) -> Server:
        return aio_server(self, str(peer_environment("grpcaio", self.cache)), kind, model)

    def _start_mlserver(self) -> Server:
        python = peer_environment("mlserver", self.cache)
        folder = self.folder / "mlserver"
        folder.mkdir()
        settings: dict[str, Any] = {
            "name": self.logistic.name,
            "implementation": "mlserver_runtime.OnnxModel",
            "parameters": {"uri": str(self.logistic.file)},
        }
        (folder / "model-settings.json").write_text(json.dumps(settings))
        port = free_port()
        server = Server(
            "mlserver",
            [str(python), str(python.parent / "mlserver"), "start", str(folder)],
            self.cores.server,
            self.folder / "mlserver.log",
            environment=clean_environment(
                PYTHONPATH=str(SERVERS),
                MLSERVER_GRPC_PORT=str(port),
                MLSERVER_HTTP_PORT=str(free_port()),
                MLSERVER_METRICS_PORT=str(free_port()),
                MLSERVER_PARALLEL_WORKERS="0",  # a second process would only cost it, on one core
                MLSERVER_DEBUG="false",  # no line in a log for each request
            ),
            folder=folder,
            port=port,
        )
        return self.started(server, self.question)

    def _start_kserve(self) -> Server:
        python = peer_environment("kserve", self.cache)
        port = free_port()
        script, model = SERVERS / "kserve_server.py", self.logistic
        words = [str(script), str(model.file), model.name, str(port), str(free_port())]
        server = Server(
            "kserve",
            [str(python), *words],
            self.cores.server,
            self.folder / "kserve.log",
            environment=clean_environment(),
            folder=self.folder,
            port=port,
        )
        return self.started(server, self.question)


def aio_server(bench: Bench, python: str, kind: str, model: BenchmarkModel | None) -> Server:
    """A server of `servers/grpc_aio.py` under the interpreter `python`; not waited for."""
    port = free_port()
    name = f"{kind}-{model.name if model else 'bytes'}-{port}"
    words = [kind, "--port", str(port), *(["--model", str(model.file)] if model else [])]
    return Server(
        name,
        [python, str(SERVERS / "grpc_aio.py"), *words],
        bench.cores.server,
        bench.folder / f"{name}.log",
        environment=clean_environment(PYTHONPATH=str(ROOT)),
        folder=bench.folder,
        port=port,
    )


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of any server, and with `settings`."""
    ours = ("INFERENCE_", "CAPTURE_", "MODEL_", "MLSERVER_", "GRPC_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"ORT_DISABLE_TELEMETRY": "1"} | settings
