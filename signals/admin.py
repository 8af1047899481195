"""What staff see and tune of the service: tags, weights, reports, and how many people are here."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from signals import presence
from signals.domain.engine import Explanation, Weights
from signals.domain.people import VIBES
from signals.domain.sample import compare
from signals.models import Order, Report, Tag, WeightSet

WEIGHTS = tuple(field.name for field in fields(Weights))
TERMS = ("vibe", "shared tags", "visible", "no tags", "nearness", "reports", "declines")


def live() -> Weights:
    """The newest weights, which every process takes up."""
    newest = WeightSet.objects.order_by("-id").first()
    return newest.weights() if newest else Weights()


def _sum(explanation: Explanation) -> str:
    """A score as a sum in words, terms that count nothing left out."""
    terms = [f"{'+' if n > 0 else '−'} {abs(n)} {term}" for term, n in zip(TERMS, explanation, strict=True) if n]
    return " ".join(terms).removeprefix("+ ") or "nothing"


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    """A tag is switched off, never deleted: a session may still carry it."""

    list_display = ("name", "active", "retired_at")
    list_filter = ("active",)
    search_fields = ("name",)
    fields = ("name", "active")

    def has_delete_permission(self, request: HttpRequest, obj: Tag | None = None) -> bool:
        return False


CandidateForm = forms.modelform_factory(WeightSet, fields=WEIGHTS)  # to try, with the bounds of the model


@admin.register(WeightSet)
class WeightSetAdmin(ModelAdmin):
    """Rows are added and never changed: the list is the history, its first row is live."""

    list_display = ("__str__", *WEIGHTS, "note", "created_by", "created_at")
    fields = (*WEIGHTS, "note")

    def has_change_permission(self, request: HttpRequest, obj: WeightSet | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WeightSet | None = None) -> bool:
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**asdict(live()), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        form.instance.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        own = [path("compare/", self.admin_site.admin_view(self.compare), name="signals_weightset_compare")]
        return [*own, *super().get_urls()]

    def compare(self, request: HttpRequest) -> HttpResponse:
        """A sample crowd under the live weights and under those that are asked for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        before = live()
        form = CandidateForm(request.GET or None, initial=asdict(before))
        after = Weights(**{name: form.cleaned_data[name] for name in WEIGHTS}) if form.is_valid() else before
        query = QueryDict(mutable=True)
        query.update({name: str(value) for name, value in asdict(after).items()})
        context = {
            **self.admin_site.each_context(request),
            "title": "Try weights",
            "form": form,
            "rows": [(row, _sum(row.after), _sum(row.before)) for row in compare(before, after)],
            "may_add": self.has_add_permission(request) and form.is_valid() and after != before,
            "add_url": f"{reverse('admin:signals_weightset_add')}?{query.urlencode()}",
        }
        return TemplateResponse(request, "admin/signals/compare.html", context)


@admin.register(Report)
class ReportAdmin(ModelAdmin):
    """Read-only: a report names nobody, so that there is nothing to correct in it. What follows from it is an order."""

    actions = ("order_exclusion", "order_end")

    list_display = ("category", "reported_at", "reported")
    list_filter = ("category",)
    date_hierarchy = "reported_at"
    fields = readonly_fields = ("category", "reported_at", "reported")

    @admin.display(description="Reported session")
    def reported(self, report: Report) -> str:
        return report.reported_hash[:8]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    def has_order_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("signals.add_order")

    @admin.action(description="Take the reported sessions off every radar for an hour", permissions=["order"])
    def order_exclusion(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        self._order(request, reports, Order.Action.EXCLUDE)

    @admin.action(description="End the reported sessions", permissions=["order"])
    def order_end(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        self._order(request, reports, Order.Action.END)

    def _order(self, request: HttpRequest, reports: QuerySet[Report], action: Order.Action) -> None:
        now, marks = timezone.now(), set(reports.values_list("reported_hash", flat=True))
        Order.objects.bulk_create(
            Order(reported_hash=mark, action=action, ordered_at=now, ordered_by_id=request.user.pk) for mark in marks
        )
        self.message_user(
            request,
            f"Ordered for {len(marks)} sessions. Within seconds the list of orders says what came of it.",
            messages.SUCCESS,
        )

    def get_urls(self) -> list[URLPattern]:
        own = [path("people/", self.admin_site.admin_view(self.people), name="signals_people")]
        return [*own, *super().get_urls()]

    def people(self, request: HttpRequest) -> HttpResponse:
        """How many are here now, as counts and nothing else; any staff may know."""
        counts = async_to_sync(presence.current().counts)()
        vibes = [(words, counts.vibes.get(vibe, 0)) for vibe, words in VIBES.items()]
        context = {**self.admin_site.each_context(request), "title": "People now", "counts": counts, "vibes": vibes}
        return TemplateResponse(request, "admin/signals/people.html", context)


@admin.register(Order)
class OrderAdmin(ModelAdmin):
    """What was ordered, by whom, and what came of it: a history, made by the actions on reports."""

    list_display = ("action", "reported", "ordered_at", "ordered_by", "outcome")
    list_filter = ("action",)
    fields = readonly_fields = ("action", "reported", "ordered_at", "ordered_by", "outcome", "done_at")

    @admin.display(description="Session")
    def reported(self, order: Order) -> str:
        return order.reported_hash[:8]

    @admin.display(description="Outcome")
    def outcome(self, order: Order) -> str:
        return {None: "waiting", True: "done", False: "the session was over"}[order.found]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False
