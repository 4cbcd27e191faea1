"""What one device runs of an edge model, judged against a release, outside of any rollout."""

from dataclasses import dataclass
from datetime import UTC, datetime

from edge_assets.core.config_schema import Ring
from edge_assets.core.fleet import DeviceObservation
from edge_assets.core.rollout import Release, judge_device

FRESH_SECONDS = 300.0
"""A smoke test older than this proves nothing any more: the hub keeps stale reports for ever."""


@dataclass(frozen=True)
class Deployment:
    """One device's deployment: proven or not, why, and the digests that were seen."""

    proven: bool
    reason: str
    desired_image: str | None
    image: str | None
    served_digest: str | None


def judge_deployment(
    device: DeviceObservation, release: Release, now: datetime | None = None
) -> Deployment:
    """Judges what the device shows right now; never waits."""
    now = now or datetime.now(UTC)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    ring = Ring(
        name="any",
        proven_share=1.0,
        max_failed=0.0,
        min_sample=1,
        soak_seconds=0.0,
        deadline_seconds=(now - begin).total_seconds() + 1,
    )
    verdict = judge_device(device, release, ring, begin, now, FRESH_SECONDS)
    served = device.modules.get(release.model)
    smoke = device.smoke or {}
    digest = smoke.get("served_digest")
    return Deployment(
        proven=verdict.state == "proven",
        reason=verdict.reason,
        desired_image=served.desired_image if served else None,
        image=served.reported_image if served else None,
        served_digest=str(digest) if digest else None,
    )
