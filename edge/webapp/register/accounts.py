"""The pages around an account: sign-in, and another password."""

import logging
import math
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils import timezone

from edge.webapp.register.forms import SignInForm
from edge.webapp.register.signing_in import forget_failures, note_failure, seconds_to_wait

log = logging.getLogger(__name__)


class SignIn(LoginView):
    """Signs in; after too many failures not even the right password is tried."""

    template_name = "register/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Tries the password, unless too many were wrong just now."""
        wait = seconds_to_wait(self._name(), self._address(), timezone.now())
        if wait > 0:
            log.warning("sign-in from %s is not tried: too many failures", self._address())
            minutes = math.ceil(wait / 60)
            page = self.render_to_response(
                {"form": SignInForm(request), "minutes": minutes, **self._next()}, status=429
            )
            page["Retry-After"] = str(math.ceil(wait))
            return page
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """In: earlier failures are forgotten."""
        forget_failures(self._name(), self._address())
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Out: an attempt with a password counts as a failure."""
        if self.request.POST.get("password"):
            note_failure(self._name(), self._address(), timezone.now())
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _next(self) -> dict[str, str]:
        return {self.redirect_field_name: self.get_redirect_url()}

    def _name(self) -> str:
        return str(self.request.POST.get("username", ""))

    def _address(self) -> str:
        return str(self.request.META.get("REMOTE_ADDR", ""))


class ChangePassword(PasswordChangeView):
    """Another password for oneself."""

    template_name = "register/password.html"
    success_url = reverse_lazy("components")

    def form_valid(self, form: Any) -> HttpResponse:
        """Changed; the made-up first password is of no use any more."""
        from edge.webapp.first_account import forget_first_password

        response = super().form_valid(form)
        if self.request.user.is_superuser:
            forget_first_password()
        messages.success(self.request, "Your password is changed.")
        return response
