"""Notes on refused deliveries that stay where they are, since other models take from them too."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_assets.core.raw_data import DeliveryRefused

REASON_FILE = "reason.json"


def last_change(path: Path) -> float:
    """When the delivery, or any file in it, was last written to (seconds since the epoch)."""
    files = [path, *(path.rglob("*") if path.is_dir() else ())]
    return max(float(file.stat().st_mtime) for file in files)


def reason_of(
    delivery: Path, refusal: "DeliveryRefused", time: datetime
) -> dict[str, str | float | None]:
    """What `reason.json` holds; `time` is in UTC."""
    return {
        "reason": refusal.reason.value,
        "what": refusal.what,
        "why": refusal.why,
        "remedy": refusal.remedy,
        "name": delivery.name,
        "digest": refusal.digest or None,
        "time": time.isoformat().replace("+00:00", "Z"),
    }


def note(
    delivery: Path, folder: Path, refusal: "DeliveryRefused", *, now: datetime | None = None
) -> Path:
    """Writes `reason.json` into a new folder below `folder` and returns that.

    The delivery is left alone. `left_in` says where, and `changed` when it was last written to: a
    mended one of that name is another one. Raises OSError when nothing can be written there, or the
    delivery is gone.
    """
    time = (now or datetime.now(UTC)).astimezone(UTC)
    changed = last_change(delivery)
    incoming = folder / f".incoming-{uuid.uuid4().hex}"
    incoming.mkdir(parents=True)
    reason = {
        **reason_of(delivery, refusal, time),
        "left_in": str(delivery.parent),
        "changed": changed,
    }
    text = json.dumps(reason, indent=2, ensure_ascii=False) + "\n"
    (incoming / REASON_FILE).write_text(text, encoding="utf-8")
    # Of one name and second there are never two: the second one was noted, and is not looked at.
    target = folder / f"{time:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}-{safe(delivery.name)}"
    return incoming.rename(target)


def noted(delivery: Path, folder: Path) -> bool:
    """Whether this very delivery was refused before, by the notes in `folder`."""
    for file in folder.glob(f"*-{safe(delivery.name)}/{REASON_FILE}"):
        try:
            reason = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # somebody clears up
            continue
        if reason.get("name") == delivery.name and reason.get("changed") == last_change(delivery):
            return True
    return False


def safe(name: str) -> str:
    """`name` as a part of a folder's name."""
    return re.sub(r"[^\w.-]", "_", name)[:100].strip(".") or "delivery"
