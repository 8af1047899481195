"""The catalogue, the weights and the reports in the database."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from signals.domain.engine import Weights
from signals.models import Report, Tag, WeightSet


@pytest.mark.django_db
def test_the_first_tags_are_the_protocol_s() -> None:
    migration = import_module("signals.migrations.0002_first_tags")
    Tag.objects.all().delete()
    migration.add(apps, None)
    migration.add(apps, None)
    assert Tag.objects.filter(active=True).count() == 8
    assert Tag.objects.filter(name="Quietly Curious").exists()


@pytest.mark.django_db
def test_at_most_64_tags_are_in_use_and_a_retired_one_counts_while_a_session_may_carry_it() -> None:
    Tag.objects.all().delete()
    for n in range(64):
        Tag.objects.create(name=f"tag {n}")
    with pytest.raises(ValidationError):
        Tag(name="one more").full_clean()
    old = Tag.objects.get(name="tag 0")
    old.full_clean()
    old.active = False
    old.save()
    with pytest.raises(ValidationError):
        Tag(name="one more").full_clean()
    Tag.objects.filter(pk=old.pk).update(retired_at=timezone.now() - timedelta(hours=13))
    Tag(name="one more").full_clean()


@pytest.mark.django_db
def test_weights_are_bounded_by_the_form_and_by_the_database() -> None:
    assert WeightSet().weights() == Weights()
    with pytest.raises(ValidationError):
        WeightSet(same_vibe=101).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        WeightSet.objects.create(tier=101)


@pytest.mark.django_db
def test_a_pair_is_reported_once() -> None:
    row = {"category": "spam", "reported_at": timezone.now(), "reporter_hash": "a", "reported_hash": "b"}
    Report.objects.create(**row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.create(**row)
