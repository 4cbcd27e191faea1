"""When a request to a registry is worth another try, and how long to wait before it."""

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# 408, 425 and 429 ask for patience; the 5xx are the server's own trouble (RFC 9110, 15.5 and 15.6).
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """How often and how patiently: waits double from `first_seconds` up to `longest_seconds`.

    `sleep` and `jitter` (a factor from 0 to 1) are arguments so that tests need not wait.
    """

    attempts: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def delay(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after failure number `attempt` (from 1); None when it was the last.

        What the server asks for by Retry-After is waited at least; more than `longest_seconds`
        is not waited for at all.
        """
        if attempt >= self.attempts:
            return None
        own: float = min(self.longest_seconds, self.first_seconds * 2 ** (attempt - 1))
        own *= 0.5 + 0.5 * self.jitter()
        if retry_after is None:
            return own
        return None if retry_after > self.longest_seconds else max(own, retry_after)


def is_passing(status: int) -> bool:
    """Whether an answer with this HTTP status may be another one soon."""
    return status in _PASSING


def retry_after_seconds(text: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3).

    `now` in seconds since 1970. None when the header is missing or cannot be read.
    """
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None
