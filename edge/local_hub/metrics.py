"""The four system metrics of a deployment, as IoT Hub defines them over `$edgeAgent` twins."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.local_hub.values import Doc, Json

_NAMES = ("targetedCount", "appliedCount", "reportedSuccessfulCount", "reportedFailedCount")


@dataclass(frozen=True)
class SystemMetrics:
    """Counts of devices by (configuration, metric)."""

    counts: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, agents: Iterable[Mapping[str, Json]]) -> "SystemMetrics":
        """Counts over the twin views of every `$edgeAgent`, in one pass."""
        counts: Counter[tuple[str, str]] = Counter()
        for agent in agents:
            reported = outcome(agent)
            for name, status in agent["configurations"].items():
                counts[name, "targetedCount"] += 1
                if status["status"] == "Applied":
                    counts[name, "appliedCount"] += 1
                    if reported:
                        counts[name, reported] += 1
        return cls(counts)

    def results(self, configuration: str) -> dict[str, int]:
        """The four numbers of one configuration."""
        return {name: self.counts.get((configuration, name), 0) for name in _NAMES}


def outcome(agent: Mapping[str, Json]) -> str | None:
    """The metric that an agent's report counts for, None while it has not reported this version."""
    desired, reported = agent["properties"]["desired"], agent["properties"]["reported"]
    status = reported.get("lastDesiredStatus")
    if reported.get("lastDesiredVersion") != desired["$version"] or not isinstance(status, dict):
        return None
    if "code" not in status:
        return None
    return "reportedSuccessfulCount" if status["code"] == 200 else "reportedFailedCount"


def system_queries(configuration: str, target_condition: str) -> Doc:
    """The queries that say the same, as the real hub shows them."""
    condition = target_condition.strip()
    targeted = "select deviceId from devices where capabilities.iotEdge = true"
    if condition != "*":
        targeted += f" and ({condition or 'false'})"
    source = "select deviceId from devices.modules where moduleId = '$edgeAgent'"
    applied = f"{source} and configurations.[[{configuration}]].status = 'Applied'"
    current = (
        f"{applied} and properties.desired.$version = properties.reported.lastDesiredVersion "
        "and properties.reported.lastDesiredStatus.code"
    )
    return dict(
        zip(_NAMES, (targeted, applied, f"{current} = 200", f"{current} != 200"), strict=True)
    )
