"""What of Dagster's event log is worth telling people, as pure functions."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["rollout", "gate", "run", "worse", "drift", "waiting", "approved", "test"]

LONGEST = 300
"""Characters of a text that is told: events are kept in a cursor, and a mail must stay short."""

REMEDIES = {
    "usable_rows": "the delivery is in quarantine with its reason; correct it and deliver it again",
    "leakage": "take what the reason names out of the inputs, or out of the delivery",
    "one_preparation": "wait: the batches are prepared again, and then the dataset made again",
    "every_class": "deliver rows of the class that is missing",
    "metric_floors": "look at the metrics of the candidate; deliver data or change the training",
    "champion": "what runs stays; deliver data that it does not know, or change the training",
    "parity": "the conversion changes answers: edgectl model check {model}",
    "model_size": "make the model smaller, or raise budget.model_bytes in model.yaml",
    "image_answers": "nothing was pushed; mend what the reason names and make the image again",
    "image_budget": "make the model smaller or quicker, or change the budget in model.yaml",
    "ring_gates": "look at the devices: edgectl fleet list --model {model}; release a mended image",
    "promotion": "the champion stays; compare longer, or make another candidate",
}
"""What to do when a gate closed, by its check."""

WARNINGS: dict[str, tuple[Kind, str]] = {
    "drift": (
        "drift",
        "look at the columns: a broken sensor looks like drift too; deliver data of the new world",
    ),
    "live_error": ("worse", "look at performance_report; train again, or go back to a release"),
}
"""Checks that stop nothing and are told all the same: as what, and what to do."""

_GATE = "mend the cause and materialize the chain again from there"
_RUN = "read the run in Dagster, mend the cause and materialize it again"
_OWN_REMEDY = ". To mend it: "  # how our own errors say it, see protos/errors.py


@dataclass(frozen=True)
class Event:
    """Something that people are told.

    `id` is its place in the event log, `about` what it happened to: an asset, with its check or
    what tells one case from the next. `part` is the partition, `time` in UTC, `path` the place
    below the address of Dagster's UI that shows it.
    """

    id: int
    kind: Kind
    about: str
    reason: str
    remedy: str
    time: datetime
    part: str = ""
    path: str = ""

    @property
    def key(self) -> str:
        """The same for repeats of the same thing."""
        return f"{self.kind} {self.about}"

    @property
    def once(self) -> bool:
        """Whether repeats add nothing: the same image made again is no news, and soon not true."""
        return self.kind in ("waiting", "approved")


def hide(text: str, secrets: Collection[str]) -> str:
    """`text` with `***` in the place of every secret."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def tidy(text: str, longest: int = LONGEST) -> str:
    """`text` on one line of at most `longest` characters, all of them printable."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def judge_check(
    id: int,
    time: datetime,
    *,
    asset: str,
    check: str,
    passed: bool,
    blocking: bool,
    reason: str,
    part: str = "",
) -> Event | None:
    """A closed gate, a stopped rollout, or a warning of `WARNINGS`; None for everything else.

    `asset` is `MODEL/NAME`.
    """
    model, _, name = asset.partition("/")
    if passed or not (blocking or check in WARNINGS):
        return None
    kind: Kind = "rollout" if name == "rollout" else "gate"
    usual = REMEDIES.get(check, _GATE)
    if not blocking:
        kind, usual = WARNINGS[check]
    why, _, own = reason.partition(_OWN_REMEDY)
    return Event(
        id,
        kind,
        tidy(f"{asset}: {check}"),
        tidy(why),
        tidy(own or usual.format(model=model)),
        time,
        tidy(part),
        f"/assets/{asset}?view=checks",
    )


def judge_run(
    id: int,
    time: datetime,
    *,
    run: str,
    asset: str,
    error: str,
    closed: Collection[str],
    part: str = "",
) -> Event | None:
    """A run that failed; None when it was one of the gates of `asset` that ended it.

    `asset` is where it failed, or what it was to make; `closed` are the assets of the run with a
    closed gate, which is told by itself.
    """
    if asset in closed:
        return None
    why, _, own = error.partition(_OWN_REMEDY)
    about, remedy = tidy(asset or "a run"), tidy(own or _RUN)
    return Event(id, "run", about, tidy(why), remedy, time, tidy(part), f"/runs/{run}")


def judge_image(
    id: int,
    time: datetime,
    *,
    asset: str,
    image: str,
    newest: str,
    released: str,
    closed: Collection[str],
) -> Event | None:
    """An image that waits for its approval; None when there is nothing to approve.

    That is so behind a closed gate (`closed`, see `judge_run`), when a `newest` image took its
    place, and when it is the one that is `released`. All images are digests.
    """
    if not image or asset in closed or image != newest or image == released:
        return None
    model = asset.partition("/")[0]
    remedy = f"edgectl release approve {model} --by NAME --reason TEXT"
    reason = "every gate is open; nothing goes to devices before a person approves it"
    return Event(id, "waiting", f"{asset} {image}", reason, remedy, time, path=f"/assets/{asset}")


def judge_release(
    id: int, time: datetime, *, asset: str, number: str, approver: str, reason: str
) -> Event:
    """An approval: everybody hears of it, not only who gave it."""
    said = tidy(f"{approver}: {reason}")
    remedy = "nothing; see it arrive with: edgectl fleet list"
    return Event(id, "approved", f"{asset} {number}", said, remedy, time, path=f"/assets/{asset}")
