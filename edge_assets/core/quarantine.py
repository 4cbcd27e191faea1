"""Puts a refused delivery out of the way, with the reason beside it; never loses or overwrites."""

import errno
import json
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

from edge_assets.core.raw_data import DeliveryRefused
from edge_assets.core.refused import REASON_FILE, reason_of, safe
from protos.errors import NotFound, Unavailable

MAX_TRIES = 1000


def quarantine(
    delivery: Path, folder: Path, refusal: DeliveryRefused, *, now: datetime | None = None
) -> Path:
    """Moves `delivery` to a new folder below `folder` and returns that.

    It holds the delivery under its own name in `delivery/`, and `reason.json`: reason, what, why,
    remedy, name, digest, time. The folder appears with both at once, by a rename; a crash before
    leaves either the delivery where it was or everything in a folder `.incoming-...`.

    Raises:
        NotFound: there is nothing at `delivery`.
        Unavailable: a thousand deliveries of that name were refused in the same second.
    """
    if not delivery.exists():
        raise NotFound(f"{delivery} cannot be set aside", why="it is not there")
    time = (now or datetime.now(UTC)).astimezone(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    incoming = folder / f".incoming-{uuid.uuid4().hex}"
    (incoming / "delivery").mkdir(parents=True)
    reason = json.dumps(reason_of(delivery, refusal, time), indent=2, ensure_ascii=False)
    (incoming / REASON_FILE).write_text(f"{reason}\n", encoding="utf-8")
    copied = _move(delivery, incoming / "delivery" / delivery.name)
    name = f"{time:%Y%m%dT%H%M%SZ}-{safe(delivery.name)}"
    target = _publish(incoming, folder, name)
    if copied:
        _remove(delivery)
    return target


def _move(source: Path, target: Path) -> bool:
    """Moves by rename. On another file system it copies and answers true: the source stays."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
        return True
    return False


def _publish(incoming: Path, folder: Path, name: str) -> Path:
    """Renaming onto a folder that is not empty fails everywhere, so nothing is overwritten."""
    for number in range(1, MAX_TRIES + 1):
        target = folder / (name if number == 1 else f"{name}-{number}")
        if target.exists():
            continue
        try:
            incoming.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES):
                raise
        else:
            return target
    raise Unavailable(
        f"{name} cannot be set aside",
        why=f"there are {MAX_TRIES} of that name already",
        remedy=f"look at what fills {folder}; the delivery is in {incoming}",
    )


def _remove(source: Path) -> None:
    if source.is_dir():
        shutil.rmtree(source)
    else:
        source.unlink()
