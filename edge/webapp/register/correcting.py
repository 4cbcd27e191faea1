"""A technician's word against the model's, and changes of what was entered."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from edge.webapp.register.models import Component, Correction

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ChangedMeanwhile(Exception):
    """Somebody else saved the component, or it was judged anew, since the page was shown."""


def correct(
    component: Component, label: int, reason: str, by: "User", *, revision: int, shown: int
) -> Correction:
    """Keeps that the description is `label`, whatever the model says.

    `revision` and `shown` are what the page showed: the edit, and the label that counted then.
    Raises ChangedMeanwhile when that is no longer so.
    """
    with transaction.atomic():
        now = Component.objects.select_for_update().get(pk=component.pk)
        judgement = now.judgement
        if now.revision != revision or now.label != shown or judgement is None or label == shown:
            raise ChangedMeanwhile
        correction = Correction.objects.create(
            component=now,
            judgement=judgement,
            description=now.description,
            label=label,
            reason=reason,
            said_label=judgement.label,
            said_confidence=judgement.confidence,
            model=judgement.model,
            model_digest=judgement.model_digest,
            made_by=by,
        )
        now.correction = correction
        now.changed_by, now.changed_at = by, correction.at
        now.save()
    component.refresh_from_db()
    return correction


def edit(component: Component, number: str, description: str, by: "User", *, revision: int) -> bool:
    """Saves an edit; whether the description is another one, so that it must be judged anew.

    A correction was of the text before: it stays in the history and no longer counts here. Raises
    ChangedMeanwhile when somebody saved since the page was shown.
    """
    with transaction.atomic():
        now = Component.objects.select_for_update().get(pk=component.pk)
        if now.revision != revision:
            raise ChangedMeanwhile
        another = now.description != description
        if another:
            now.judgement = now.correction = now.tried_at = None
            now.not_judged, now.refused = "", False
        now.number, now.description = number, description
        now.revision += 1
        now.changed_by, now.changed_at = by, timezone.now()
        now.save()
    component.refresh_from_db()
    return another
