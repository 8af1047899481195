"""What outlives a session: the catalogue of tags, the weights of the score, and reports that name nobody."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from signals.domain.engine import WEIGHT_MAX, Weights
from signals.domain.safety import CATEGORIES

ACTIVE_TAGS_MAX = 64


class Tag(models.Model):
    """Something that people may say of themselves; only these words ever reach a stranger's screen."""

    name = models.CharField(max_length=40, unique=True)
    active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        if self.active:
            self.retired_at = None
        elif self.retired_at is None:
            self.retired_at = timezone.now()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def clean(self) -> None:
        """At most 64 in use: the active ones, and those that a session may still carry."""
        lingering = timezone.now() - timedelta(seconds=settings.SESSION_MAX_S)
        in_use = Tag.objects.filter(Q(active=True) | Q(retired_at__gt=lingering)).exclude(pk=self.pk)
        if self.active and in_use.count() >= ACTIVE_TAGS_MAX:
            raise ValidationError(
                "At most 64 tags can be in use; one that is switched off counts until the last session "
                "that may carry it is over."
            )


def _weight(default: int) -> models.PositiveSmallIntegerField[int, int]:
    return models.PositiveSmallIntegerField(default=default, validators=[MaxValueValidator(WEIGHT_MAX)])


class WeightSet(models.Model):
    """What each term of the score counts. The newest row is live; rows are never changed, so they are the history."""

    same_vibe = _weight(10)
    shared_tag = _weight(5)
    visible = _weight(3)
    no_tags = _weight(5)
    tier = _weight(2)
    report = _weight(3)
    decline = _weight(5)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="weights_bounded",
                condition=Q(
                    same_vibe__lte=WEIGHT_MAX,
                    shared_tag__lte=WEIGHT_MAX,
                    visible__lte=WEIGHT_MAX,
                    no_tags__lte=WEIGHT_MAX,
                    tier__lte=WEIGHT_MAX,
                    report__lte=WEIGHT_MAX,
                    decline__lte=WEIGHT_MAX,
                ),
            )
        ]

    def __str__(self) -> str:
        return f"Weights {self.pk}"

    def weights(self) -> Weights:
        """The row as the engine takes it."""
        return Weights(
            same_vibe=self.same_vibe,
            shared_tag=self.shared_tag,
            visible=self.visible,
            no_tags=self.no_tags,
            tier=self.tier,
            report=self.report,
            decline=self.decline,
        )


class Report(models.Model):
    """That somebody was reported: category, time and a keyed hash of each side; only equality can be read from it."""

    category = models.CharField(max_length=16, choices=[(c, c.capitalize()) for c in CATEGORIES])
    reported_at = models.DateTimeField()
    reporter_hash = models.CharField(max_length=64)
    reported_hash = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["-reported_at"]
        indexes = [models.Index(fields=["reported_at"], name="reports_by_time")]
        constraints = [models.UniqueConstraint(fields=["reporter_hash", "reported_hash"], name="reported_once")]

    def __str__(self) -> str:
        return f"{self.category} at {self.reported_at:%Y-%m-%d %H:%M}"


class Order(models.Model):
    """What a moderator wants done about a reported session; carried out by whichever process finds it."""

    class Action(models.TextChoices):
        EXCLUDE = "exclude", "Off every radar for an hour"
        END = "end", "End the session"

    reported_hash = models.CharField(max_length=64)
    action = models.CharField(max_length=8, choices=Action.choices)
    ordered_at = models.DateTimeField()
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    done_at = models.DateTimeField(null=True)
    found = models.BooleanField(null=True)  # whether the session was still here

    class Meta:
        ordering = ["-ordered_at"]
        indexes = [
            models.Index(fields=["ordered_at"], name="orders_by_time"),
            models.Index(fields=["ordered_at"], name="orders_open", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}, {self.ordered_at:%Y-%m-%d %H:%M}"
