"""The alerts sensor, one for all edge models: people are told what needs them."""

from datetime import UTC, datetime

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from edge_assets.core.alert_text import compose
from edge_assets.core.alerts import Memory, decide
from edge_assets.event_log import newest_id, read_events
from protos.errors import EdgeAssetsError
from resources.alerts import HOW_TO
from resources.platform import Platform

_CURSOR = TypeAdapter(dict[str, Memory])


def build() -> dg.SensorDefinition:
    """The sensor `alerts`."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Tells people, by e-mail or webhook, what needs them: closed gates, stopped rollouts, "
            "failed runs, drift, models that got worse, images that wait for approval, and "
            "approvals. One message a tick at most; repeats are told together after a cool-down."
        ),
    )
    def alerts(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        channels, settings = platform.alerts, platform.settings
        if not channels:
            # Without a place in the log: who is told later on wants no history.
            return dg.SensorResult(skip_reason=f"nobody is told: {HOW_TO}", cursor="{}")
        known, newest = _read_cursor(context), newest_id(context.instance)
        now, secrets = datetime.now(UTC), settings.secrets()
        memories, told = dict[str, Memory](), list[str]()
        failures = dict[str, EdgeAssetsError]()
        for channel in channels:
            memory = known.get(channel.name, Memory(newest))
            # A log that was emptied counts from the beginning again.
            memory = Memory(min(memory.after, newest), memory.told)
            reading = read_events(context.instance, memory.after, secrets)
            found, after = decide(
                memory, reading.events, reading.upto, now, settings.alert_cooldown_seconds
            )
            memories[channel.name] = memory
            try:
                if found:
                    message = compose(found, settings.environment, settings.dagster_url)
                    for remark in channel.send(message):
                        context.log.warning(f"{channel.name}: {remark}")
                    told.append(f"{len(found)} by {channel.name}")
            except EdgeAssetsError as error:
                failures[channel.name] = error
            else:
                memories[channel.name] = after
        for name, failure in failures.items():
            context.log.error(f"{name}: {failure}; it is tried again with the next tick")
        if failures and not told:
            # When another channel told something, that must be kept: else it would tell it again
            # with every tick. The next tick has nothing to keep, and fails.
            raise next(iter(failures.values()))
        reason = f"told {', '.join(told)}" if told else "nothing that needs anybody"
        return dg.SensorResult(
            skip_reason="; ".join([reason, *(f"{n}: {e}" for n, e in failures.items())]),
            cursor=_CURSOR.dump_json(memories).decode(),
        )

    return alerts


def _read_cursor(context: dg.SensorEvaluationContext) -> dict[str, Memory]:
    """What each channel told; a new one, or one whose memory cannot be read, begins now."""
    try:
        return _CURSOR.validate_json(context.cursor or "{}")
    except ValidationError:
        context.log.warning("the cursor cannot be read: beginning with what happens from now on")
        return {}
