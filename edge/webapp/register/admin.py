"""What staff may do in the administration: accounts; look at entries, and delete components."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from edge.webapp.register.models import Batch, Component, Correction, Judgement


class _LookOnly(admin.ModelAdmin):
    """What has a history is changed where that history is written, in the register itself."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False


@admin.register(Component)
class ComponentAdmin(_LookOnly):
    """Components can be deleted; their corrections stay."""

    list_display = ("__str__", "changed_at", "changed_by")
    search_fields = ("search_text",)
    exclude = ("search_text",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who has Django's permission for it."""
        return bool(request.user.has_perm("register.delete_component"))


@admin.register(Correction)
class CorrectionAdmin(_LookOnly):
    """Corrections, and the batch that each left with."""

    list_display = ("description", "label", "made_by", "at", "batch")
    list_filter = ("label",)


@admin.register(Batch)
class BatchAdmin(_LookOnly):
    """Batches, and when the hub had each."""

    list_display = ("name", "way", "made_at", "made_by", "sent_at")


@admin.register(Judgement)
class JudgementAdmin(_LookOnly):
    """What models said. Deleted with their component."""

    list_display = ("description", "label", "confidence", "model_digest", "at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only along with the component, which asks for it."""
        return bool(request.user.has_perm("register.delete_component")) and not (
            request.path.startswith("/admin/register/judgement/")
        )
