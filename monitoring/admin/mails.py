"""The mails in the admin: what was owed to whom, what they said, and what the mail server made of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from monitoring.admin.uptime import ToRead
from monitoring.alerts import tokens
from monitoring.models import MailAttempt, OutboxMail

STUCK: Final = timedelta(minutes=2)  # as the rule mail-stuck says
PATHS: Final = (tokens.ACKNOWLEDGE_PATH, tokens.VERIFY_PATH)
_LINK: Final = re.compile("|".join(path.replace("{token}", "[^/\\s\"'<&]+") for path in PATHS))
HIDDEN: Final = "(the link is for whoever it went to)"


def is_console() -> bool:
    """Whether mail goes nowhere but the log, so that this page is where it is read."""
    return not settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend")


def told(text: str) -> str:
    """What a mail says, without the links that act as its reader: staff have their own buttons."""
    return text if is_console() else _LINK.sub(HIDDEN, text)


def trouble(now: datetime) -> list[str]:
    """What is wrong with mail, in sentences; nothing when all goes out."""
    waiting = OutboxMail.objects.filter(state=OutboxMail.State.WAITING, due_at__lt=now - STUCK)
    found = []
    if n := waiting.count():
        last = MailAttempt.objects.exclude(outcome=MailAttempt.Outcome.ACCEPTED).order_by("-at", "-pk").first()
        why = f" The server last said: {last.reply}" if last and last.reply else ""
        found.append(f"{n} waited for over two minutes.{why}")
    if n := OutboxMail.objects.filter(state=OutboxMail.State.NOBODY, created_at__gt=now - timedelta(days=7)).count():
        found.append(f"{n} of the last seven days had nobody to go to: add a recipient.")
    if n := OutboxMail.objects.filter(state=OutboxMail.State.GIVEN_UP, created_at__gt=now - timedelta(days=7)).count():
        found.append(f"{n} of the last seven days were given up.")
    if is_console():
        found.append("No mail server is set (EMAIL_URL): mails are written to the log, and can be read here.")
    return found


@admin.register(OutboxMail)
class OutboxMailAdmin(ToRead):
    list_display = ("__str__", "kind", "address", "state", "attempts", "created_at", "sent_at")
    list_filter = ("state", "kind", "created_at")
    search_fields = ("subject", "address")
    list_per_page = 50
    show_full_result_count = False
    list_before_template = "monitoring/mail_trouble.html"  # type: ignore[assignment]  # the theme says None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        extra: dict[str, Any] = {"trouble": trouble(timezone.now()), **(extra_context or {})}
        return super().changelist_view(request, extra)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, object_id)
        if mail is None:
            raise Http404("There is no such mail.")
        if not self.has_view_permission(request, mail):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": str(mail),
            "mail": mail,
            "text": told(mail.text),
            "html": told(mail.html).replace("<head>", '<head><base target="_blank">', 1),
            "console": is_console(),
            "tries": mail.tries.all()[:200],
            "alerts": mail.alerts.all()[:50],
        }
        return TemplateResponse(request, "monitoring/mail.html", context)
