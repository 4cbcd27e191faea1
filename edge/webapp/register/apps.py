"""The application's name, by which its tables and templates are found; its administration."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class RegisterConfig(AppConfig):
    """`register`, whatever package it lies in."""

    name = "edge.webapp.register"
    label = "register"
    verbose_name = "Component register"


class RegisterAdmin(AdminConfig):
    """Django's administration with the site of the register."""

    default_site = "edge.webapp.register.admin_site.Site"
