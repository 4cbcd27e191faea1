"""The corrections sensor: what technicians corrected becomes a batch in the landing folder."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from edge_assets.chain import Chain
from protos.digests import digest_bytes, short
from protos.errors import ConfigurationError
from resources.landing import land, local_landing
from resources.platform import Platform
from resources.telemetry import Telemetry

MIN_CORRECTIONS = 20
"""So many are worth a batch, and with it a training."""

LONGEST_WAIT = timedelta(days=1)
"""After this fewer are a batch as well."""

LOOK_AT_MOST = timedelta(days=1)
"""Telemetry that one tick reads; after a longer pause the next ticks catch up."""

TAKEN_AT_MOST = 500
"""Corrections that are known again when the hub delivers them once more."""


@dataclass(frozen=True)
class State:
    """The cursor: corrections of [start, end) wait in `files`; `taken` are marks of earlier ones.

    So each tick reads what is new since `end`, and beside that only the files in which some wait.
    """

    start: str
    end: str
    files: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def why_wait(
    rows: int, oldest: datetime | None, now: datetime, *, fewest: int, model: str
) -> str | None:
    """Why nothing is landed yet; None when it is time.

    Below `fewest` rows, `data.min_rows`, a batch would be refused: then it waits even longer.
    """
    if not rows or oldest is None:
        return "no corrections wait"
    enough, age = max(MIN_CORRECTIONS, fewest), now - oldest
    if rows >= enough or (rows >= fewest and age >= LONGEST_WAIT):
        return None
    said = f"{rows} corrections wait, the oldest for {age.total_seconds() / 3600:.1f} h"
    if rows < fewest:
        return f"{said}; {model} takes no batch below {fewest} rows (data.min_rows)"
    return f"{said}; waiting for {enough}, or a day"


def build(chain: Chain) -> dg.SensorDefinition:
    """The sensor `<model>_corrections`, for models with a module beside them."""

    @dg.sensor(
        name=f"{chain.name}_corrections",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Collects the labels that technicians corrected on devices. With enough of them, or "
            "after a day, they become one CSV batch in the landing folder, of each input the last "
            "word, where the new-data sensor finds it."
        ),
    )
    def corrections(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        from edge_assets.core.corrections import parse_corrections, to_csv

        data, settings = chain.config.data, platform.settings
        try:
            folder = local_landing(settings.landing) / data.landing
        except ConfigurationError as error:
            return dg.SkipReason(str(error))
        now = datetime.now(UTC).replace(microsecond=0)
        lag = timedelta(seconds=settings.telemetry_lag_seconds)
        state = _state(context.cursor, now)
        start, looked = datetime.fromisoformat(state.start), datetime.fromisoformat(state.end)
        end = min(now - lag, looked + LOOK_AT_MOST)
        if end <= looked:
            return dg.SkipReason("looked for corrections just now")

        new = platform.telemetry.files(looked, end, lag)
        files = list(dict.fromkeys((*state.files, *new)))
        found = parse_corrections(
            _lines(platform.telemetry, files, context),
            chain.config,
            start=start,
            end=end,
            taken=set(state.taken),
        )
        for aside in found.set_aside:
            if aside.file not in state.files:  # else it was told before
                context.log.warning(f"set aside: {aside.reason} ({aside.file}:{aside.line})")
        taken, rows = (*state.taken, *found.superseded), len(found.frame)
        wait = why_wait(rows, found.oldest, now, fewest=data.min_rows, model=chain.name)
        if wait is not None:
            waiting = State(state.start, end.isoformat(), found.files, taken[-TAKEN_AT_MOST:])
            return dg.SensorResult(skip_reason=wait, cursor=json.dumps(asdict(waiting)))

        mine = {name: value for name, value in data.where.items() if name not in data.inputs}
        content = to_csv(found.frame.assign(**mine))
        name = f"corrections-{start:%Y%m%dT%H%M%SZ}-{short(digest_bytes(content))}.csv"
        land(content, folder / name)
        taken = (*taken, *found.marks)[-TAKEN_AT_MOST:]
        done = State(end.isoformat(), end.isoformat(), (), taken)
        return dg.SensorResult(
            skip_reason=(
                f"{rows} corrections of {len(found.devices)} devices landed as {folder / name}; "
                f"replaced by a later word: {len(found.superseded)}, "
                f"delivered again: {found.duplicates}, set aside: {found.malformed}"
            ),
            cursor=json.dumps(asdict(done)),
        )

    return corrections


def _state(cursor: str | None, now: datetime) -> State:
    """What the last tick left; the first one looks a day back."""
    if not cursor:
        day_ago = (now - LOOK_AT_MOST).isoformat()
        return State(day_ago, day_ago)
    told = json.loads(cursor)
    return State(told["start"], told["end"], tuple(told["files"]), tuple(told["taken"]))


def _lines(
    telemetry: Telemetry, files: list[str], context: dg.SensorEvaluationContext
) -> Iterator[tuple[str, bytes]]:
    """The messages in the files; one that was deleted meanwhile must not stop all others."""
    for file in files:
        try:
            yield from telemetry.lines([file])
        except FileNotFoundError:
            context.log.warning(f"{file} is gone, and with it the corrections in it")
