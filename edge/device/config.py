"""The numbers of an agent, in one place, so that a test or a demonstration can shorten them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AgentConfig:
    """How patient an agent is. The defaults are those of the IoT Edge agent where it has one.

    All durations are in seconds. A module that exits is started again after
    `backoff_seconds * 2**restarts`, at most `backoff_limit_seconds`, at most `restart_limit` times;
    its counter is cleared after `healthy_seconds` of running. The same times hold for a pull that
    fails, without the limit on how often.
    """

    backoff_seconds: float = 10.0
    backoff_limit_seconds: float = 300.0
    healthy_seconds: float = 600.0
    restart_limit: int = 20
    stop_grace_seconds: float = 4.0
    tick_seconds: float = 0.25
    heartbeat_seconds: float = 10.0
    retry_seconds: float = 1.0
    require_digests: bool = True


def cool_off(restarts: int, config: AgentConfig) -> float:
    """How long to wait before the next start, in seconds, after `restarts` earlier ones.

    The formula is that of the IoT Edge agent's `RestartPolicyManager`: unit x 2^n, capped.
    """
    # 2**64 units are far above any cap; the bound keeps the float finite.
    return min(config.backoff_seconds * 2.0 ** min(restarts, 64), config.backoff_limit_seconds)
