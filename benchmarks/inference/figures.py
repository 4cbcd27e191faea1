"""The figures and their goals, as data: what the inference service must reach."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One row: `at_least` says whether more or less is better; `unit` is `x` for a ratio."""

    key: str
    section: str
    text: str
    goal: float
    at_least: bool
    unit: str = "x"

    def reached(self, value: float) -> bool:
        """Whether `value` is as good as the goal; NaN never is."""
        return value >= self.goal if self.at_least else value <= self.goal

    def margin(self, value: float) -> float:
        """How many times better than the goal: 1 is just reached, more is better."""
        if value <= 0.0:
            return 0.0 if self.at_least else float("inf")
        return value / self.goal if self.at_least else self.goal / value

    @property
    def goal_text(self) -> str:
        """The goal as people read it: `>= 10x`."""
        return f"{'>=' if self.at_least else '<='} {shown(self.goal, self.unit)}"


@dataclass(frozen=True)
class Measured:
    """What came out: the value, or why there is none; `seen` are the figures behind it."""

    value: float | None
    why_not: str = ""
    seen: dict[str, float] = field(default_factory=dict)


def shown(value: float, unit: str) -> str:
    """`value` with its unit, three digits or so: `10x`, `0.35x`, `0.5 s`."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{'' if unit == 'x' else ' '}{unit}"


def _rows(section: str, rows: list[tuple[str, str, float, bool]]) -> list[Figure]:
    return [Figure(key, section, text, goal, more) for key, text, goal, more in rows]


FIGURES: tuple[Figure, ...] = (
    *_rows(
        "throughput",
        [
            ("throughput_1_mlserver", "1 connection: throughput against MLServer", 10.0, True),
            ("throughput_1_kserve", "1 connection: throughput against KServe", 7.5, True),
            ("throughput_1_echo", "1 connection: throughput against grpc.aio's echo", 3.0, True),
            ("throughput_8_mlserver", "8 connections: throughput against MLServer", 25.0, True),
            ("throughput_8_kserve", "8 connections: throughput against KServe", 15.0, True),
            ("throughput_8_echo", "8 connections: throughput against grpc.aio's echo", 8.0, True),
            ("throughput_32_mlserver", "1 connection, 32 streams: against MLServer", 45.0, True),
            ("cpu_8_infer", "server CPU per request against grpc.aio ModelInfer", 0.15, False),
        ],
    ),
    *_rows(
        "stream",
        [("stream_8_echo", "ModelStreamInfer, 8 streams: against bidi echo", 1.4, True)],
    ),
    *_rows(
        "latency",
        [
            ("p99_1_echo", "p99, 1 connection: against grpc.aio's echo", 0.35, False),
            ("p99_32_echo", "p99, 32 connections: against grpc.aio's echo", 0.15, False),
        ],
    ),
    *_rows("mtls", [("mtls", "throughput with mTLS against without", 0.75, True)]),
    *_rows("capture", [("capture", "throughput with capture against without", 0.95, True)]),
    *_rows("metrics", [("metrics", "throughput with metrics against without", 0.95, True)]),
    *_rows(
        "image",
        [("image_cpu", "600 KB image: server CPU against grpc.aio ModelInfer", 0.3, False)],
    ),
    *_rows(
        "tritonclient",
        [("triton_p50", "tritonclient p50: against grpc.aio ModelInfer", 0.62, False)],
    ),
    *_rows(
        "start",
        [("start_ratio", "first answer: against onnxruntime and session alone", 2.0, False)],
    ),
    Figure("start_seconds", "start", "first answer after start, in the image", 0.5, False, "s"),
    *_rows("memory", [("memory_mlserver", "memory against MLServer", 0.45, False)]),
    Figure("packages", "packages", "site-packages of the device image", 85.0, False, "MB"),
    *_rows(
        "grpcio",
        [("grpcio_infer", "grpcio transport, 8 connections: against grpc.aio", 0.95, True)],
    ),
)

SECTIONS = tuple(dict.fromkeys(figure.section for figure in FIGURES))
