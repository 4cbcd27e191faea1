"""docs/reference/http2.md, made of the tables of the tests.

`python -m tests.inference_service.fast.document` writes it anew.
"""

from itertools import groupby
from pathlib import Path

from inference_service.transports.fast.limits import Budget, Limits
from tests.inference_service.fast.case import Case
from tests.inference_service.fast.tables import CASES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "http2.md"
COMMAND = "python -m tests.inference_service.fast.document"

_TITLES = {
    "3": "Preface",
    "4": "Frames and header blocks",
    "5": "Streams",
    "6": "Kinds of frames",
    "7": "Error codes",
    "8": "Requests",
    "7541": "HPACK (RFC 7541)",
    "gRPC": "gRPC over HTTP/2",
}


def _chapter(case: Case) -> str:
    return case.section.split()[0].split(".")[0]


def _size(octets: int) -> str:
    return f"{octets >> 20} MiB" if octets >= 1 << 20 else f"{octets >> 10} KiB"


def _limits() -> list[tuple[str, str, str, str]]:
    one = Limits()
    windows = f"{_size(one.stream_window)}, {_size(one.connection_window)}"
    return [
        (
            "connections",
            str(one.connections),
            "`INFERENCE_MAX_CONNECTIONS`",
            "one without a call that was silent for the time to stall makes room, "
            "or the new one is closed",
        ),
        (
            "calls of a connection",
            str(one.streams),
            "`INFERENCE_MAX_STREAMS`",
            "`RST_STREAM REFUSED_STREAM`",
        ),
        (
            "headers of a call",
            _size(one.header_list),
            "`INFERENCE_MAX_HEADER_BYTES`",
            "`RST_STREAM ENHANCE_YOUR_CALM`; a block of more octets ends the connection",
        ),
        (
            "one message",
            _size(one.message),
            "`INFERENCE_MAX_MESSAGE_BYTES`",
            "`RESOURCE_EXHAUSTED`",
        ),
        (
            "half-received requests, all together",
            _size(one.buffered),
            "`INFERENCE_MAX_BUFFERED_BYTES`",
            "`RESOURCE_EXHAUSTED`",
        ),
        (
            "unread answers of a connection",
            _size(one.unsent),
            "4 times `INFERENCE_MAX_MESSAGE_BYTES`",
            "it is not read from, its next call is `RESOURCE_EXHAUSTED`",
        ),
        (
            "unread answers, all together",
            _size(one.buffered),
            "`INFERENCE_MAX_BUFFERED_BYTES`",
            "above it a connection may leave 64 KiB unread",
        ),
        (
            "a begun request, answer or frame without 4 KiB of progress",
            f"{one.stall:.0f} s",
            "`INFERENCE_STALL_SECONDS`",
            "`UNAVAILABLE`, `RST_STREAM CANCEL`, the end of the connection",
        ),
        (
            "silence during a call",
            f"{one.keepalive:.0f} s",
            "`INFERENCE_KEEPALIVE_SECONDS`",
            f"PING; without an answer for {one.keepalive_answer:.0f} s the end",
        ),
        ("preface", f"{one.preface:.0f} s", "-", "the end of the connection"),
        ("window of a call, of a connection", windows, "-", "`FLOW_CONTROL_ERROR`"),
        (
            "one frame: DATA, others",
            f"{_size(one.frame)}, 16 KiB",
            "-",
            "`FRAME_SIZE_ERROR`, `ENHANCE_YOUR_CALM`",
        ),
    ]


def page() -> str:
    """The page as it should be."""
    lines = [
        "# HTTP/2 rules of the fast transport",
        "",
        f"<!-- made by: {COMMAND} -->",
        "",
        "How the service answers whatever a client may send, by RFC 9113, RFC 7541 and gRPC over",
        "HTTP/2. All below is a test (`tests/inference_service/fast`), and is answered the same",
        "however the network cuts its octets. A connection error is `GOAWAY` and the end, a stream",
        "error `RST_STREAM`.",
        "",
        "## Limits",
        "",
        "| of what | at most | setting | beyond it |",
        "|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in _limits()]
    lines += [
        "",
        "## Frames that bring nothing",
        "",
        f"A connection may spend {Budget.START:.0f} on them at once, and {Budget.A_SECOND:.0f} a"
        f" second; each answered call earns {Budget.A_CALL:.0f}.",
        "Beyond that: connection error ENHANCE_YOUR_CALM.",
        "",
        "| frame | costs |",
        "|---|---|",
        "| PING, PRIORITY, GOAWAY, unknown, empty DATA, DATA of a call that we ended | 1 |",
        "| SETTINGS | 1, and 1 for each setting |",
        "| WINDOW_UPDATE | 1; earns 1 for each 256 octets that waited for it, from 256 on |",
        "| RST_STREAM | 4 |",
        "| whatever makes us refuse or reset a call | 1 more |",
        "| a header block that brings no call | 1 for each 256 octets |",
    ]
    for chapter, cases in groupby(CASES, _chapter):
        lines += ["", f"## {_TITLES[chapter]}", "", "| section | sent | answer |", "|---|---|---|"]
        lines += _rows(list(cases))
    return "\n".join(lines) + "\n"


def _rows(cases: list[Case]) -> list[str]:
    """One row for what is answered alike."""
    rows: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        section, what = case.section.removeprefix("7541 "), case.what
        if section == "5.1":  # by the state of the stream
            state, _, what = what.partition(": ")
            section += " " + _escaped(state)
        rows.setdefault((section, case.answer.text), []).append(_escaped(what))
    return [f"| {section} | {'; '.join(sent)} | {text} |" for (section, text), sent in rows.items()]


def _escaped(text: str) -> str:
    return "".join("\\" + letter if letter in "|*_`<\\" else letter for letter in text)


if __name__ == "__main__":
    PAGE.write_text(page())
