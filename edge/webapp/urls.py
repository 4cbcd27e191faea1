"""Every address of the register."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from edge.webapp.register import accounts, health, staff, views

urlpatterns = [
    path("", views.components, name="components"),
    path("components/new", views.new, name="new"),
    path("components/<int:key>", views.component, name="component"),
    path("components/<int:key>/edit", views.edit, name="edit"),
    path("components/<int:key>/correct", views.correct, name="correct"),
    path("components/<int:key>/judge", views.judge, name="judge"),
    path("corrections", staff.corrections, name="corrections"),
    path("corrections/batches", staff.make_batch, name="make-batch"),
    path("corrections/batches/<str:name>.csv", staff.batch_csv, name="batch"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("password", accounts.ChangePassword.as_view(), name="password"),
    path("healthz", health.healthz, name="healthz"),
    path(
        "favicon.ico",
        login_not_required(RedirectView.as_view(url="/static/register/icon.svg")),
    ),
    path("admin/", admin.site.urls),
]
