"""Two projects from the start, and a process that knows their keys without asking the database each time."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import DatabaseError, connection
from django.test.utils import override_settings
from django.utils import timezone

from monitoring.errors import keys
from monitoring.errors.keys import Book, dsn_of, load
from monitoring.models import Project, ProjectKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    made = Project.objects.create(slug="mine", name="Mine")
    ProjectKey.objects.create(project=made, public_key="c" * 32, created_at=timezone.now())
    return made


@pytest.mark.django_db
def test_two_projects_stand_there_from_the_start_with_keys_that_nobody_can_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = apps.get_app_config("monitoring")
    monkeypatch.setattr(config, "models_module", config.models_module)  # the migration leaves none
    import_module("monitoring.migrations.0008_default_projects").add(apps, connection.schema_editor())
    names = dict(Project.objects.values_list("slug", "name"))
    assert names == {"backend": "Icebreaker Backend", "frontend": "Icebreaker Frontend"}
    assert len({key.public_key for key in ProjectKey.objects.all()}) == 2


@override_settings(PUBLIC_URL="https://icebreaker.example:8443")
def test_the_dsn_says_where_we_are(project: Project) -> None:
    assert dsn_of(project) == f"https://{'c' * 32}@icebreaker.example:8443/{project.pk}"


def test_a_key_rotated_out_is_taken_until_it_retires(project: Project) -> None:
    now = timezone.now()
    project.keys.update(retires_at=now + timedelta(hours=1))
    ProjectKey.objects.create(project=project, public_key="d" * 32, created_at=now)
    assert load(now)[project.pk].door.keys == {"c" * 32, "d" * 32}
    assert load(now + timedelta(hours=2))[project.pk].door.keys == {"d" * 32}
    assert load(now)[project.pk].newest_key == "d" * 32


async def test_an_unknown_sender_makes_us_look_once_and_not_for_each(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, reads = Book(), []
    real = book.read
    monkeypatch.setattr(book, "read", lambda: (reads.append(1), real()))
    for _ in range(5):
        await book.look(project.pk, "c" * 32)
        await book.look(999, "e" * 32)
    assert book.is_known
    assert project.pk in book.senders
    assert len(reads) == 1


async def test_when_the_database_is_gone_what_was_known_stays_known(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book()
    await book.look(project.pk, "c" * 32)

    def gone(now: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(keys, "load", gone)
    book._read_at = float("-inf")
    await book.look(999, None)
    assert (book.is_known, project.pk in book.senders) == (True, True)
