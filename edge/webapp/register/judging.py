"""Lets the model judge components: once at entry, later where it could not be asked then."""

import functools
import logging
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from edge.webapp.model_client import Answer, ModelClient
from edge.webapp.register.models import Component, Judgement
from protos.errors import DataRefused, EdgeAssetsError

log = logging.getLogger(__name__)

REST_SECONDS = 3.0
"""After a model that cannot be asked, pages do not wait for it again for so long."""
AT_ONCE = 20
"""Components that one round of the background work judges."""

_lock = threading.Lock()
_away: tuple[float, EdgeAssetsError] | None = None  # until when, and why


@functools.cache
def client() -> ModelClient:
    """The client of this process."""
    config = settings.CONFIG
    return ModelClient(config.target, config.model, config.contract, config.model_seconds)


def judge(component: Component, *, patient: bool = False) -> Judgement | None:
    """Asks the model about the description and keeps what it says, or why it says nothing.

    Takes as long as the client's deadline at most, and no time within REST_SECONDS of a model that
    could not be asked, unless `patient`. None when there is no judgement; `component` is as the
    database then.
    """
    text = component.description
    try:
        answer = _ask(text, patient)
    except EdgeAssetsError as error:
        refused = isinstance(error, DataRefused) and component.judgement_id is None
        why = f"{error.what}: {error.why}" if error.why else error.what
        # Not what somebody else saved meanwhile: only while the text is the same.
        Component.objects.filter(pk=component.pk, description=text).update(
            not_judged=why, refused=refused, tried_at=timezone.now()
        )
        component.refresh_from_db()
        return None
    return _keep(component, text, answer)


def judge_waiting(limit: int = AT_ONCE) -> int:
    """Judges components that wait, those first that were tried longest ago; how many it judged.

    Stops at the first that the model cannot be asked about.
    """
    waiting = Component.objects.filter(judgement=None, refused=False)
    done = 0
    for component in waiting.order_by(F("tried_at").asc(nulls_first=True), "id")[:limit]:
        if judge(component, patient=True) is not None:
            done += 1
        elif not component.refused:
            break
    return done


def is_due(component: Component) -> bool:
    """Whether looking at the component is a reason to ask again."""
    if component.judgement_id is not None or component.refused:
        return False
    rest = timedelta(seconds=REST_SECONDS)
    return component.tried_at is None or timezone.now() - component.tried_at >= rest


def _ask(text: str, patient: bool) -> Answer:
    global _away
    with _lock:
        away = _away
    if away is not None and not patient and time.monotonic() < away[0]:
        raise away[1]
    try:
        answer = client().ask(text)
    except DataRefused:
        raise
    except EdgeAssetsError as error:
        if away is None or str(away[1]) != str(error):
            log.warning("components are kept and not judged: %s", error)
        with _lock:
            _away = (time.monotonic() + REST_SECONDS, error)
        raise
    if away is not None:
        log.info("the model judges again")
    with _lock:
        _away = None
    return answer


def _keep(component: Component, text: str, answer: Answer) -> Judgement | None:
    with transaction.atomic():
        now = Component.objects.select_for_update().get(pk=component.pk)
        if now.description != text:  # edited meanwhile: whoever edited it asks for themselves
            component.refresh_from_db()
            return None
        judgement = Judgement.objects.create(
            component=now,
            description=text,
            label=answer.label,
            confidence=answer.confidence,
            words=[list(pair) for pair in answer.words],
            model=answer.model,
            model_digest=answer.digest,
        )
        now.judgement, now.not_judged, now.refused = judgement, "", False
        now.tried_at = judgement.at
        now.save(update_fields=["judgement", "not_judged", "refused", "tried_at", "search_text"])
    component.refresh_from_db()
    return judgement
