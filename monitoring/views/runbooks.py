"""The runbooks as staff read them, with the figures of this moment."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from monitoring.runbooks import live
from monitoring.runbooks.library import Runbook, fill, relink
from monitoring.runbooks.shelf import runbooks

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def _html(page: Runbook) -> str:
    text = relink(
        fill(page.text, live.read(page.figures, timezone.now())),
        lambda name: reverse("monitoring:runbook", args=[name]),
    )
    body = text.partition("\n")[2]  # the theme shows the title itself
    return str(_markdown.render(body))


@require_safe
@never_cache
@staff_member_required
def index(request: HttpRequest) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Runbooks", "pages": runbooks()}
    return render(request, "monitoring/runbooks.html", context)


@require_safe
@never_cache
@staff_member_required
def page(request: HttpRequest, name: str) -> HttpResponse:
    found = next((one for one in runbooks() if one.name == name), None)
    if found is None:
        raise Http404("There is no runbook of this name.")
    context = {**admin.site.each_context(request), "title": found.title, "page": found, "body": _html(found)}
    return render(request, "monitoring/runbook.html", context)
