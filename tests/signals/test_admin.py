"""Staff tune with bounds and an author, moderators read reports, and each group may do only its own."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from signals import presence
from signals.domain.engine import Weights
from signals.models import Order, Report, Tag, WeightSet
from signals.presence.memory import MemoryPresence
from signals.services import catalogue, sessions

pytestmark = pytest.mark.django_db
PAGES = {
    "people": "admin:signals_people",
    "reports": "admin:signals_report_changelist",
    "orders": "admin:signals_order_changelist",
    "tags": "admin:signals_tag_changelist",
    "add tag": "admin:signals_tag_add",
    "weights": "admin:signals_weightset_changelist",
    "add weights": "admin:signals_weightset_add",
    "compare": "admin:signals_weightset_compare",
    "incidents": "admin:monitoring_incident_changelist",
    "runbooks": "monitoring:runbooks",
    "users": "admin:auth_user_changelist",
}
ANYBODY = {"people", "runbooks"}
MODERATOR = ANYBODY | {"reports", "orders", "tags", "add tag", "weights", "compare"}
ADMIN = MODERATOR | {"add weights", "incidents"}
WORDS = {"same_vibe": 10, "shared_tag": 5, "visible": 3, "no_tags": 5, "tier": 2, "report": 3, "decline": 5}


def staff(name: str, *groups: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("group", "may"),
    [("", ANYBODY), ("moderators", MODERATOR), ("on-call", ANYBODY | {"incidents"}), ("admins", ADMIN)],
)
def test_each_group_opens_its_own_pages_and_no_other(group: str, may: set[str]) -> None:
    client = staff("ada", group)
    opened = {page for page, name in PAGES.items() if client.get(reverse(name)).status_code == 200}
    assert opened == may


@pytest.mark.parametrize(
    ("group", "titles"),
    [
        ("", {"People now"}),
        ("moderators", {"People now", "Reports", "Orders", "Tags", "Weights", "Try weights"}),
        ("on-call", {"People now"}),
    ],
)
def test_the_menu_holds_what_somebody_may_open_and_marks_where_they_are(group: str, titles: set[str]) -> None:
    page = staff("ada", group).get(reverse("admin:signals_people"))
    people, *others = page.context["sidebar_navigation"]
    assert {item["title"] for item in people["items"] if item["has_permission"]} == titles
    assert [item["title"] for item in people["items"] if item["active"]] == ["People now"]
    may = {item["title"] for section in others for item in section["items"] if item["has_permission"]}
    assert ("Monitors" in may) == (group == "on-call")


def test_saved_weights_have_an_author_and_go_live_in_the_store(admin_client: Client) -> None:
    before = presence.current()
    presence.use(MemoryPresence())
    try:
        said = {**WORDS, "tier": 50, "note": "Nearness counts."}
        assert admin_client.post(reverse("admin:signals_weightset_add"), said).status_code == 302
        row = WeightSet.objects.get()
        assert (row.created_by.username if row.created_by else "", row.note) == ("admin", "Nearness counts.")

        async_to_sync(catalogue.refresh)()
        assert presence.current().weights == Weights(tier=50)
    finally:
        presence.use(before)
        catalogue.forget()


@pytest.mark.parametrize("value", ["-1", "101", "1.5", "many", ""])
def test_weights_out_of_bounds_are_refused_where_they_are_saved_and_where_they_are_tried(
    admin_client: Client, value: str
) -> None:
    said = {**WORDS, "tier": value}
    assert admin_client.post(reverse("admin:signals_weightset_add"), said).status_code == 200
    assert not WeightSet.objects.exists()
    tried = admin_client.get(reverse("admin:signals_weightset_compare"), said)
    assert 'role="alert"' in tried.content.decode()
    assert "Go on to save" not in tried.content.decode()


def test_saved_weights_are_history(admin_client: Client) -> None:
    row = WeightSet.objects.create()
    assert admin_client.post(reverse("admin:signals_weightset_change", args=[row.pk]), WORDS).status_code == 403
    assert admin_client.post(reverse("admin:signals_weightset_delete", args=[row.pk])).status_code == 403


def test_what_was_tried_can_be_saved_from_there(admin_client: Client) -> None:
    tried = admin_client.get(reverse("admin:signals_weightset_compare"), {**WORDS, "tier": 90})
    text = tried.content.decode()
    assert "Go on to save" in text
    assert "▲" in text or "&#9650;" in text
    form = admin_client.get(tried.context["add_url"]).content.decode()
    assert 'value="90"' in form
    assert not WeightSet.objects.exists()


def test_a_report_can_be_read_and_nothing_else_and_shows_only_a_mark() -> None:
    report = Report.objects.create(
        category="spam", reported_at=datetime(2026, 3, 1, tzinfo=UTC), reporter_hash="a" * 64, reported_hash="b" * 64
    )
    client = staff("ada", "moderators")
    for address in (
        reverse("admin:signals_report_changelist"),
        reverse("admin:signals_report_change", args=[report.pk]),
    ):
        text = client.get(address).content.decode()
        assert "b" * 8 in text
        assert "b" * 9 not in text
        assert "a" * 9 not in text
    assert client.post(reverse("admin:signals_report_change", args=[report.pk]), {}).status_code == 403
    assert client.post(reverse("admin:signals_report_delete", args=[report.pk])).status_code == 403


def test_a_tag_is_switched_off_and_never_deleted() -> None:
    client, tag = staff("ada", "moderators"), Tag.objects.create(name="Night owl")
    assert client.post(reverse("admin:signals_tag_delete", args=[tag.pk])).status_code == 403
    client.post(reverse("admin:signals_tag_change", args=[tag.pk]), {"name": "Night owl"})
    tag.refresh_from_db()
    assert not tag.active
    assert tag.retired_at


def test_people_now_counts_by_vibe_and_names_nobody() -> None:

    before = presence.current()
    presence.use(MemoryPresence())
    try:
        person = async_to_sync(sessions.arrive)("banter", (), True, (52.52, 13.405), 1_000.0)
        text = staff("ada").get(reverse("admin:signals_people")).content.decode()
        assert '<th scope="row">Sessions</th><td>1</td>' in text
        assert '<th scope="row">Up for banter</th><td>1</td>' in text
        assert not any(secret in text for secret in (person.session_id, person.handle, "52.5", str(person.cell)))
    finally:
        presence.use(before)
        catalogue.forget()


@pytest.mark.parametrize(("name", "action"), [("order_exclusion", "exclude"), ("order_end", "end")])
def test_a_moderator_orders_once_for_each_reported_session_and_nobody_else_can(name: str, action: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    reports = [
        Report.objects.create(category="spam", reported_at=at, reporter_hash=c * 64, reported_hash="f" * 64)
        for c in "ab"
    ]
    said = {"action": name, "_selected_action": [r.pk for r in reports]}
    url = reverse("admin:signals_report_changelist")
    staff("eve", "on-call").post(url, said)
    reader = User.objects.create_user("joe", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_report"))
    joe = Client()
    joe.force_login(reader)
    joe.post(url, said)
    assert not Order.objects.exists()
    staff("ada", "moderators").post(url, said)
    assert [(o.action, o.reported_hash, o.ordered_by.username) for o in Order.objects.all()] == [
        (action, "f" * 64, "ada")
    ]
