"""Windows of captures: half-open stretches of the hub's time, named by their two ends."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protos.errors import ConfigurationError

_FORM = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Window:
    """[start, end) in UTC, whole seconds; its key names the partition."""

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Sorts by time: `20260101T120000Z_20260101T120500Z`."""
        return f"{self.start.strftime(_FORM)}_{self.end.strftime(_FORM)}"

    @classmethod
    def parse(cls, key: str) -> "Window":
        """The window of a key; ConfigurationError when it is none."""
        try:
            start, end = (
                datetime.strptime(part, _FORM).replace(tzinfo=UTC) for part in key.split("_")
            )
        except ValueError:
            raise ConfigurationError(
                f"'{key}' is not a window of captures",
                remedy="windows look like 20260101T120000Z_20260101T120500Z",
            ) from None
        return cls(start, end)


def close_window(
    start: datetime, now: datetime, lag: timedelta, rows: int, *, min_rows: int, seconds: float
) -> tuple[Window | None, str]:
    """The window that can be closed now, or None with the reason.

    It ends `lag` ago, because what was captured since may still be on its way. It is closed when
    it holds `min_rows` rows, or, with fewer but at least one, when it is `seconds` long.
    """
    end = (now - lag).replace(microsecond=0)
    if end <= start:
        return None, "the last window ended just now"
    age = (end - start).total_seconds()
    if rows == 0:
        return None, f"no captures in the last {age:.0f} s"
    if rows < min_rows and age < seconds:
        return None, f"{rows} rows captured; waiting for {min_rows} rows or {seconds:.0f} s"
    return Window(start, end), f"{rows} rows in {age:.0f} s"
