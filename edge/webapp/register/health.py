"""`/healthz`: whether the register does its work, for machines."""

import threading
import time

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from edge.webapp.register import judging
from edge.webapp.register.models import Component
from protos.errors import EdgeAssetsError

_FRESH_SECONDS = 1.0
_lock = threading.Lock()
_last: tuple[float, dict[str, str]] = (float("-inf"), {})


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, else 503.

    A model that cannot be asked is told, and is no failure: entries are kept and judged later.
    """
    try:
        waiting = Component.objects.filter(judgement=None, refused=False).count()
        database = "ok"
    except DatabaseError:
        connection.close()
        waiting, database = None, "failed"
    state = {"database": database, "model": _model(), "waiting": waiting}
    return JsonResponse(state, status=200 if database == "ok" else 503)


def _model() -> dict[str, str]:
    """What is served, asked once a second at most: anybody may ask for this page."""
    global _last
    with _lock:
        asked, state = _last
        if time.monotonic() - asked >= _FRESH_SECONDS:
            try:
                state = {"state": "ready", "digest": judging.client().serving()}
            except EdgeAssetsError:
                state = {"state": "unreachable"}
            _last = (time.monotonic(), state)
    return state
