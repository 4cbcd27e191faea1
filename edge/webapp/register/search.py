"""Which components a search finds."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q, QuerySet

from edge.webapp.register.models import COMPLIANT, NON_COMPLIANT, Component

PAGE = 25
LABEL_WORDS = (
    ("", "Any"),
    ("non-compliant", "Non-compliant"),
    ("compliant", "Compliant"),
    ("none", "Not judged yet"),
)
_MOST_WORDS = 10


@dataclass(frozen=True)
class Search:
    """`text`: every word of it is in the part number or the description, whatever its case."""

    text: str = ""
    label: str = ""
    corrected: bool = False
    mine: bool = False

    def find(self, user: AbstractBaseUser) -> "QuerySet[Component]":
        """What is found, newest first, with all that a list shows."""
        found = Component.objects.select_related("judgement", "correction", "changed_by")
        for word in self.text.casefold().split()[:_MOST_WORDS]:
            found = found.filter(search_text__contains=word)
        if self.label == "none":
            found = found.filter(judgement=None, correction=None)
        elif self.label:
            wanted = NON_COMPLIANT if self.label == "non-compliant" else COMPLIANT
            found = found.filter(
                Q(correction__label=wanted) | Q(correction=None, judgement__label=wanted)
            )
        if self.corrected:
            found = found.exclude(correction=None)
        if self.mine:
            found = found.filter(created_by=user)
        return found
