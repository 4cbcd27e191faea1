"""Django's administration, behind the register's own sign-in and its limit of attempts."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache


class Site(AdminSite):
    """It has no sign-in of its own: that one would not count failures."""

    site_header = "Component register: administration"
    site_title = "Component register"
    index_title = "Accounts and entries"
    site_url = "/"

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """To the register's sign-in; who is signed in and still comes here may not."""
        if request.user.is_authenticated:
            raise PermissionDenied
        target = request.GET.get("next", "/admin/")
        return redirect_to_login(target)

    def password_change(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponseRedirect:
        """To the register's own page for it."""
        return redirect("password")
