"""Whom alerts are mailed to: each confirmed by its owner first, with a test mail and the log of what they were sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from monitoring.alerts import actions
from monitoring.models import Recipient

LOG_MOST = 30


class AddForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new one; its address can't be changed later, since the proof is of this address."""

    class Meta:
        model = Recipient
        fields = ("name", "address", "escalation")

    def clean(self) -> dict[str, Any] | None:
        """Add it here, so that a refusal stands beside the fields."""
        said = super().clean()
        if said is not None and not self.errors:
            try:
                self.instance = actions.add_recipient(
                    said["name"], said["address"], escalation=said["escalation"], now=timezone.now()
                )
            except actions.NotNow as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return said

    def _post_clean(self) -> None:
        """The action has looked at it already."""


@admin.register(Recipient)
class RecipientAdmin(ModelAdmin):
    list_display = ("name", "address", "told", "confirmed", "active")
    list_filter = ("escalation", "active")
    search_fields = ("name", "address")
    actions = ("test", "ask")
    change_form_outer_after_template = "monitoring/recipient_log.html"  # type: ignore[assignment]  # the theme says None

    def get_form(self, request: HttpRequest, obj: Recipient | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": AddForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Recipient | None = None) -> Any:
        return ("name", "address", "escalation", "active", "confirmed") if obj else ("name", "address", "escalation")

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> Any:
        return ("address", "confirmed") if obj else ()

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    @admin.display(description="told")
    def told(self, recipient: Recipient) -> str:
        return "when nobody answers for five minutes" if recipient.escalation else "at once"

    @admin.display(description="confirmed")
    def confirmed(self, recipient: Recipient) -> str:
        at = recipient.verified_at
        return f"{at:%Y-%m-%d %H:%M} UTC" if at else "not yet: the mail with its link waits to be answered"

    @admin.action(description="Send a test mail", permissions=["send"])
    def test(self, request: HttpRequest, rows: QuerySet[Recipient]) -> None:
        self._each(request, rows, actions.test, "A test mail is on its way to {}.")

    @admin.action(description="Send the link that confirms the address again", permissions=["send"])
    def ask(self, request: HttpRequest, rows: QuerySet[Recipient]) -> None:
        self._each(request, rows, actions.ask, "A link is on its way to {}.")

    def _each(
        self, request: HttpRequest, rows: QuerySet[Recipient], do: Callable[..., object], words: str, most: int = 50
    ) -> None:
        now: datetime = timezone.now()
        for recipient in rows[:most]:
            try:
                do(recipient, now=now)
                messages.success(request, words.format(recipient.address))
            except actions.NotNow as refusal:
                messages.warning(request, f"{recipient.name}: {refusal}")

    def get_urls(self) -> list[URLPattern]:
        send = self.admin_site.admin_view(require_POST(self.send))
        return [path("<int:pk>/send/", send, name="monitoring_recipient_send"), *super().get_urls()]

    def send(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The buttons of one recipient's page."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        rows = Recipient.objects.filter(pk=pk)
        (self.ask if request.POST.get("what") == "ask" else self.test)(request, rows)
        return HttpResponseRedirect(reverse("admin:monitoring_recipient_change", args=[pk]))

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:  # it was added when the form was looked at
            messages.success(request, f"A link that confirms it is on its way to {form.instance.address}.")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        log = Recipient.objects.none()
        if object_id and (recipient := self.get_object(request, object_id)):
            log = recipient.mails.prefetch_related("tries")[:LOG_MOST]
        extra = {"log": log, "may_send": self.has_send_permission(request)}
        return super().changeform_view(request, object_id, form_url, {**extra, **(extra_context or {})})
