"""When a module that has exited comes back: the restart policies of the IoT Edge agent, pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from edge.device.config import AgentConfig, cool_off
from edge.device.manifest import ModuleSpec


class RuntimeStatus(StrEnum):
    """The words of `$edgeAgent` for what a module is doing."""

    UNKNOWN = "unknown"
    BACKOFF = "backoff"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True)
class ModuleRecord:
    """What a device knows of a module it has: its definition and its life so far.

    Times are seconds since 1970; None means never. `start_error` is set while the module could not
    be started at all, as opposed to started and gone.
    """

    spec: ModuleSpec
    digest: str = ""
    status: RuntimeStatus = RuntimeStatus.STOPPED
    exit_code: int = 0
    restart_count: int = 0
    last_start: float | None = None
    last_exit: float | None = None
    last_restart: float | None = None
    description: str = ""
    start_error: str = ""


def status_after_exit(
    exit_code: int, policy: str, restart_count: int, config: AgentConfig
) -> RuntimeStatus:
    """The status of a module that has just exited.

    `always` comes back from any exit, `on-failure` and `on-unhealthy` from a bad one, `never` from
    none; after `restart_limit` restarts it stays failed.
    """
    failed = exit_code != 0
    if policy == "always" or (failed and policy in ("on-failure", "on-unhealthy")):
        exhausted = restart_count >= config.restart_limit
        return RuntimeStatus.FAILED if exhausted else RuntimeStatus.BACKOFF
    return RuntimeStatus.FAILED if failed else RuntimeStatus.STOPPED


def exited(
    record: ModuleRecord, exit_code: int, now: float, config: AgentConfig, *, error: str = ""
) -> ModuleRecord:
    """The record after its process ended with `exit_code`, or, with `error`, never began."""
    status = status_after_exit(exit_code, record.spec.restart_policy, record.restart_count, config)
    if status is RuntimeStatus.BACKOFF:
        wait = cool_off(record.restart_count, config)
        description = f"exited with {exit_code}, starts again in {wait:g} s"
    else:
        description = f"exited with {exit_code}"
    return replace(
        record,
        status=status,
        exit_code=exit_code,
        last_exit=now,
        description=f"{error}; {description}" if error else description,
        start_error=error,
    )


def restart_due(record: ModuleRecord, now: float, config: AgentConfig) -> bool:
    """Whether the back-off of a module is over. A clock that went backwards does not hold it."""
    if record.status is not RuntimeStatus.BACKOFF:
        return False
    elapsed = now - (record.last_exit if record.last_exit is not None else now)
    return elapsed < 0 or elapsed >= cool_off(record.restart_count, config)


def counters_clear(record: ModuleRecord, now: float, config: AgentConfig) -> bool:
    """Whether a module has been running for so long that its restarts are forgotten."""
    return (
        record.status is RuntimeStatus.RUNNING
        and record.restart_count > 0
        and record.last_start is not None
        and now - record.last_start >= config.healthy_seconds
    )
