"""Rules in the admin: how each stands, what it would do with other values, and every change with who and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from monitoring.admin.alert_page import meaning, picture
from monitoring.admin.alerts import who
from monitoring.alerts import actions, backtest, book, words
from monitoring.alerts.rules import BOUNDS, EDGES_MS, SHIPPED, Kind, Rule
from monitoring.models import Alert, RuleChange, RuleSetting, RuleState, Silence
from monitoring.runbooks.library import answering
from monitoring.runbooks.shelf import FIRST, runbooks

SHOWN: Final = timedelta(hours=6)
TIMES: Final = ("window", "hold", "keep")
LISTED: Final = 20
LABELS: Final = {
    "over": "Threshold",
    "clear": "Lower bound",
    "edge_ms": "Slower than (ms)",
    "min_samples": "Least samples",
    "window_s": "Window (s)",
    "hold_s": "Has to hold for (s)",
    "keep_s": "Has to be clear for (s)",
    "enabled": "Judged",
}


class RuleForm(forms.Form):
    """What of a rule can be set; whether it makes sense is said by monitoring.alerts.rules."""

    over = forms.FloatField(label="Threshold")
    clear = forms.FloatField(label="Lower bound", help_text="At or under it the trouble counts as over.")
    edge_ms = forms.TypedChoiceField(
        label="Slower than", coerce=int, choices=[(edge, f"{edge} ms") for edge in EDGES_MS], required=False
    )
    min_samples = forms.IntegerField(
        label="Least samples", required=False, min_value=1, max_value=10_000, help_text="Fewer are not judged."
    )
    window_s = forms.IntegerField(
        label="Window", min_value=15, max_value=3600, help_text="Seconds that it looks back: 15 to 3600."
    )
    hold_s = forms.IntegerField(
        label="Has to hold for", min_value=0, max_value=3600, help_text="Seconds before it fires: 0 to 3600."
    )
    keep_s = forms.IntegerField(
        label="Has to be clear for", min_value=30, max_value=3600, help_text="Seconds before it resolves: 30 to 3600."
    )
    enabled = forms.BooleanField(label="Judged", required=False, help_text="Without the tick nobody is ever told.")
    why = forms.CharField(label="Why", max_length=300, help_text="Kept with the change, and with your name.")

    def __init__(self, rule: Rule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        condition, (low, high) = rule.condition, BOUNDS[rule.condition.kind]
        unit = " A share: 0.05 is 5 %." if condition.kind is Kind.SHARE else ""
        self.fields["over"].help_text = f"Between {low:g} and {high:g}.{unit}"
        if condition.kind is not Kind.SHARE:
            del self.fields["edge_ms"], self.fields["min_samples"]

    def values(self) -> dict[str, Any]:
        """As monitoring.alerts.actions takes them."""
        said = self.cleaned_data
        times = {name: timedelta(seconds=said[f"{name}_s"]) for name in TIMES}
        others = {name: said.get(name) for name in ("over", "clear", "edge_ms", "min_samples")}
        return {**{name: value for name, value in others.items() if value is not None}, **times}


def _row(rule: Rule, state: RuleState | None, setting: RuleSetting | None, muted: bool) -> dict[str, Any]:
    held = book.as_set(rule, setting)
    return {
        "rule": held,
        "state": state,
        "value": words.figure(held.condition, state.value) if state and state.value is not None else "-",
        "limit": words.limit(held.condition),
        "setting": setting,
        "off": bool(setting and not setting.enabled),
        "muted": muted,
    }


@admin.register(RuleSetting)
class RuleSettingAdmin(ModelAdmin):
    """The list holds every rule that ships, changed or not."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: RuleSetting | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        one = self.admin_site.admin_view(self.rule_view)
        return [path("of/<slug:name>/", one, name="monitoring_rule"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        states = {row.rule: row for row in RuleState.objects.all()}
        settings = {row.name: row for row in RuleSetting.objects.all()}
        mutes = [silence.mute for silence in Silence.objects.filter(from_at__lte=now, to_at__gt=now)]
        rows = [
            _row(rule, states.get(rule.name), settings.get(rule.name), any(mute.covers(rule, now) for mute in mutes))
            for rule in SHIPPED
        ]
        context = {**self.admin_site.each_context(request), "title": "Rules", "rows": rows}
        return TemplateResponse(request, "monitoring/rules.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        setting = self.get_object(request, object_id)
        if setting is None:
            raise Http404("There is no such rule.")
        return HttpResponseRedirect(reverse("admin:monitoring_rule", args=[setting.name]))

    def rule_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if name not in book.BY_NAME:
            raise Http404("There is no such rule.")
        rule, now = book.one(name), timezone.now()
        form = RuleForm(rule, request.POST or None, initial=self._initial(rule, name))
        tried: dict[str, Any] = {}
        if request.method == "POST" and request.POST.get("do") == "try":
            tried = _tried(form, name, now)
        elif request.method == "POST" and (done := self._save(request, form, name, now)) is not None:
            return done
        context = {**self.admin_site.each_context(request), **self._shown(request, rule, now), **tried, "form": form}
        return TemplateResponse(request, "monitoring/rule.html", context)

    def _initial(self, rule: Rule, name: str) -> dict[str, Any]:
        setting = RuleSetting.objects.filter(name=name).first()
        return book.values(rule, enabled=setting.enabled if setting else True)

    def _save(self, request: HttpRequest, form: RuleForm, name: str, now: datetime) -> HttpResponse | None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if not form.is_valid():
            return None
        said = form.cleaned_data
        try:
            actions.edit_rule(name, **form.values(), enabled=said["enabled"], by=who(request), why=said["why"], now=now)
        except actions.NotNow as refusal:
            form.add_error(None, str(refusal))
            return None
        messages.success(request, "It holds from the next evaluation on.")
        return HttpResponseRedirect(reverse("admin:monitoring_rule", args=[name]))

    def _shown(self, request: HttpRequest, rule: Rule, now: datetime) -> dict[str, Any]:
        page = answering(rule.name, runbooks())
        state = RuleState.objects.filter(rule=rule.name).first()
        return {
            "title": rule.title,
            "rule": rule,
            "meaning": meaning(rule),
            "state": state,
            "value": words.figure(rule.condition, state.value) if state else "unknown",
            "runbook": page.name if page else FIRST,
            "alerts": Alert.objects.filter(rule=rule.name)[:10],
            "changes": [
                {"row": row, "lines": _differences(row)}
                for row in RuleChange.objects.filter(rule=rule.name).select_related("by")[:50]
            ],
            "may_change": self.has_change_permission(request),
            **picture(rule, now - SHOWN, now, now, ()),
        }


def _tried(form: RuleForm, name: str, now: datetime) -> dict[str, Any]:
    """What these values would have done with the last 30 days, beside those that hold; nothing is saved."""
    form.fields["why"].required = False
    if not form.is_valid():
        return {}
    try:
        found = backtest.compare(name, now=now, **form.values())
    except ValueError as error:
        form.add_error(None, str(error))
        return {}
    rows = [
        {
            "words": said,
            "fired": len(outcome.fires[name]),
            "a_day": f"{outcome.a_day(name):.2f}",
            "mailed": len(outcome.paged(name)),
        }
        for said, outcome in (("As it is", found.today), ("As proposed", found.then))
    ]
    lists = (("Only as proposed", found.more), ("No longer", found.missed))
    return {
        "tried": rows,
        "lists": [
            {"words": said, "n": len(fires), "fires": [_fire(fire, found.rule) for fire in fires[-LISTED:]]}
            for said, fires in lists
        ],
    }


def _fire(fire: backtest.Fire, rule: Rule) -> str:
    lasted = words.duration(fire.resolved_at - fire.fired_at) if fire.resolved_at else "still open"
    muted = f", muted by {fire.muted}" if fire.muted else ""
    return f"{words.stamp(fire.fired_at)}, {lasted}, at worst {words.figure(rule.condition, fire.worst)}{muted}"


def _differences(change: RuleChange) -> list[str]:
    """What a change changed, one a line."""
    return [
        f"{LABELS.get(name, name)}: {_told(change.before.get(name))} to {_told(value)}"
        for name, value in change.after.items()
        if change.before.get(name) != value
    ]


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else f"{value}"
