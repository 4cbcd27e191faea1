"""Reads the telemetry that the hub routed to storage: JSON lines in a folder a minute.

Layout as IoT Hub's storage routing writes it: `<hub>/<partition>/YYYY/MM/DD/HH/mm/<name>.json`,
each file complete once it has its name.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_assets.core.captures import Captures

_MINUTE, _HOUR = "%Y/%m/%d/%H/%M", "%Y/%m/%d/%H"


def _hours(start: datetime, end: datetime) -> Iterator[str]:
    """The folder of every hour from `start` to `end`."""
    at = start.replace(minute=0, second=0, microsecond=0)
    while at <= end:
        yield at.strftime(_HOUR)
        at += timedelta(hours=1)


class Telemetry:
    """The routed messages below `url` (a path, or any fsspec URL)."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._fs, self._root = fsspec.core.url_to_fs(url)

    def files(self, start: datetime, end: datetime, lag: timedelta) -> list[str]:
        """The files that may hold messages enqueued in [start, end), oldest first.

        A message is written at most `lag` after it was enqueued, so folders up to `end` + `lag`
        are looked at; only those of the hours in question are listed.
        """
        first, last = start.strftime(_MINUTE), (end + lag).strftime(_MINUTE)
        found = []
        self._fs.invalidate_cache()
        for partition in self._fs.glob(f"{self._root}/*/*"):
            for hour in _hours(start, end + lag):
                for path in self._fs.find(f"{partition}/{hour}"):
                    # `mm/<name>.json`, or `mm.json` where the hub's naming has no more than that.
                    minute = str(path).rsplit(f"{hour}/", 1)[-1].split("/")[0].split(".")[0]
                    at = f"{hour}/{minute}"
                    if str(path).lower().endswith(".json") and first <= at <= last:
                        found.append((at, str(path)))
        return [path for _, path in sorted(found)]

    def lines(self, paths: list[str]) -> Iterator[tuple[str, bytes]]:
        """(path, line) of every message in the files."""
        for path in paths:
            for line in self._fs.cat_file(path).splitlines():
                if line.strip():
                    yield path, line

    def captures(self, model: str, start: datetime, end: datetime, lag: timedelta) -> "Captures":
        """What devices captured of the model in [start, end), each row once, as one table."""
        from edge_assets.core.captures import parse_captures

        lines = self.lines(self.files(start, end, lag))
        return parse_captures(lines, model=model, start=start, end=end)
