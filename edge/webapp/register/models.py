"""The tables: components, what models said of them, what technicians corrected, and batches."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

COMPLIANT, NON_COMPLIANT = 0, 1
LABELS = ((COMPLIANT, "Compliant"), (NON_COMPLIANT, "Non-compliant"))
LONGEST_NUMBER = 64


class Component(models.Model):
    """One component. `judgement` and `correction` are of the description as it reads now.

    `revision` counts edits, so that nobody overwrites what they have not seen. `not_judged` says
    why there is no judgement; `refused` that the model will not judge this text.
    """

    number = models.CharField("part number", max_length=LONGEST_NUMBER, blank=True)
    description = models.TextField()
    search_text = models.TextField(editable=False)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="components"
    )
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now, db_index=True)
    judgement = models.ForeignKey(
        "Judgement", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    correction = models.ForeignKey(
        "Correction", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    not_judged = models.TextField(blank=True)
    refused = models.BooleanField(default=False)
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-changed_at", "-id")

    def __str__(self) -> str:
        return self.number or self.description[:60]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves, with the text that is searched: case does not count in it, in any script."""
        self.search_text = f"{self.number}\n{self.description}".casefold()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("component", args=[self.pk])

    @property
    def label(self) -> int | None:
        """The label that counts: the technician's, else the model's, else None."""
        if self.correction is not None:
            return int(self.correction.label)
        return None if self.judgement is None else int(self.judgement.label)


class Judgement(models.Model):
    """What a model said of a description: which one, when, and what drove it."""

    component = models.ForeignKey(Component, models.CASCADE, related_name="judgements")
    description = models.TextField()
    label = models.PositiveSmallIntegerField(choices=LABELS)
    confidence = models.FloatField()
    words = models.JSONField(default=list)
    model = models.CharField(max_length=128)
    model_digest = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_label_display()}, {self.confidence:.0%}"


class Batch(models.Model):
    """Corrections that leave the device together; each correction is in one batch only.

    `sent_at` is for those that go to the hub: None until the hub has all of it.
    """

    HUB, FILE = "hub", "file"

    name = models.CharField(max_length=80, unique=True)
    way = models.CharField(max_length=8, choices=((HUB, "to the hub"), (FILE, "as a file")))
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-made_at", "-id")
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return self.name


class Correction(models.Model):
    """A technician's word against the model's; it outlives the component that it was about."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    component = models.ForeignKey(Component, models.SET_NULL, null=True, related_name="corrections")
    judgement = models.ForeignKey(Judgement, models.SET_NULL, null=True, related_name="+")
    description = models.TextField()
    label = models.PositiveSmallIntegerField(choices=LABELS)
    reason = models.TextField()
    said_label = models.PositiveSmallIntegerField(choices=LABELS)
    said_confidence = models.FloatField()
    model = models.CharField(max_length=128)
    model_digest = models.CharField(max_length=80, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    batch = models.ForeignKey(
        Batch, models.PROTECT, null=True, blank=True, related_name="corrections"
    )

    class Meta:
        """Newest first."""

        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_label_display()}: {self.description[:60]}"


class SignInFailure(models.Model):
    """A sign-in that failed: for whom and from where, until it no longer counts."""

    account = models.CharField(max_length=64, db_index=True)
    address = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S}"

    @classmethod
    def forget(cls, seconds: float, now: datetime) -> None:
        """Deletes what is older than `seconds`."""
        cls.objects.filter(at__lt=now - timedelta(seconds=seconds)).delete()
