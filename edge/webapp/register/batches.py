"""Batches of corrections: what is new leaves the device once, by one of two ways."""

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from edge.webapp.corrections import CorrectionRecord, batch_name, to_csv
from edge.webapp.register.models import Batch, Correction
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 10_000
"""Corrections of one batch."""


def new_corrections() -> int:
    """How many corrections are in no batch yet."""
    return Correction.objects.filter(batch=None).count()


def make_batch(way: str, made_by: "User | None" = None) -> Batch | None:
    """Puts every correction that is in no batch into a new one; None when there is none."""
    with transaction.atomic():
        new = Correction.objects.select_for_update().filter(batch=None).order_by("at", "id")
        ids = [str(key) for key in new.values_list("pk", flat=True)[:MOST]]
        if not ids:
            return None
        now = timezone.now()
        batch = Batch.objects.create(
            name=batch_name(ids, now), way=way, made_at=now, made_by=made_by
        )
        Correction.objects.filter(pk__in=ids).update(batch=batch)
    return batch


def records_of(batch: Batch) -> list[CorrectionRecord]:
    """The corrections of a batch, oldest first; always the same ones."""
    return [
        CorrectionRecord(
            id=str(found.pk),
            time=found.at,
            text=found.description,
            label=found.label,
            reason=found.reason,
            said_label=found.said_label,
            said_confidence=found.said_confidence,
            model=found.model,
            model_digest=found.model_digest,
        )
        for found in batch.corrections.order_by("at", "id")
    ]


def csv_of(batch: Batch) -> str:
    """The batch as a delivery."""
    return to_csv(records_of(batch), settings.CONFIG.contract)


def deliver(batch: Batch, folder: Path) -> Path:
    """Writes the batch into the landing folder; a reader sees all of it or nothing.

    Raises ConfigurationError when the folder cannot be written to.
    """
    path = folder / f"{batch.name}.csv"
    hidden = folder / f".{path.name}"
    try:
        hidden.write_text(csv_of(batch), encoding="utf-8")
        hidden.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written",
            why=error.strerror or type(error).__name__,
            remedy=f"mend the folder, then: export-corrections --batch {batch.name}",
        ) from None
    return path
