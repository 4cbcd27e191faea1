"""The page for staff: corrections on their way to the next training."""

import os

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import user_passes_test
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from edge.webapp.register import batches
from edge.webapp.register.models import Batch, Correction
from edge.webapp.register.search import PAGE
from edge.webapp.upload import is_module


def _is_staff(user: object) -> bool:
    if not getattr(user, "is_staff", False):
        raise PermissionDenied
    return True


staff_only = user_passes_test(_is_staff)


@require_GET
@staff_only
def corrections(request: HttpRequest) -> HttpResponse:
    """All corrections, and the batches that they left in."""
    found = Correction.objects.select_related("component", "made_by", "batch")
    return render(
        request,
        "register/corrections.html",
        {
            "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
            "hub": is_module(os.environ),
            "seconds": settings.CONFIG.upload_seconds,
            "new": batches.new_corrections(),
            "batches": Batch.objects.select_related("made_by")[:PAGE],
        },
    )


@require_POST
@staff_only
def make_batch(request: HttpRequest) -> HttpResponseRedirect:
    """Puts what is new into a batch that can be downloaded."""
    batch = batches.make_batch(Batch.FILE, request.user)
    if batch is None:
        messages.warning(request, "There is no correction that is not in a batch already.")
    else:
        messages.success(request, f"The batch {batch.name} is made. Download it below.")
    return redirect("corrections")


@require_GET
@staff_only
def batch_csv(request: HttpRequest, name: str) -> HttpResponse:
    """A batch as a file; the same bytes however often."""
    batch = get_object_or_404(Batch, name=name)
    answer = HttpResponse(batches.csv_of(batch), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{batch.name}.csv"'
    return answer
