"""The page for what goes wrong around a form."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: mostly one that lay open while somebody signed in anew."""
    return render(request, "register/csrf.html", status=403)
