"""The boards as staff see them: pages, their panels for a refresh, and every panel as CSV."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.boards import ranges
from monitoring.boards.board import Board, look
from monitoring.boards.draw import html
from monitoring.boards.panel import download
from monitoring.boards.shelf import BOARDS, may_see
from monitoring.boards.words import lasted, moment
from monitoring.views.live import PATH

View = Callable[..., HttpResponse]


def for_staff(view: Callable[..., HttpResponse]) -> View:
    """Hand over the board of that name to whoever may see it; others are asked to log in, or refused."""

    @require_safe
    @never_cache
    @staff_member_required
    @wraps(view)
    def guarded(request: HttpRequest, name: str, **more: str) -> HttpResponse:
        board = BOARDS[name]
        if not may_see(request.user, board):
            raise PermissionDenied
        return view(request, board, **more)

    return guarded


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Where staff begin: the first board that they may see, or the admin's own list."""
    first = next((board for board in BOARDS.values() if may_see(request.user, board)), None)
    if first:
        return redirect(_address(first))
    own: HttpResponse = admin.site.admin_view(admin.site.index)(request)
    return own


@for_staff
def page(request: HttpRequest, board: Board) -> HttpResponse:
    now = timezone.now()
    shown, problem = ranges.parse(request.GET, now)
    panels = [html(board.name, panel, shown) for panel in look(board, shown, now)]
    context = {
        **admin.site.each_context(request),
        "title": board.title,
        "board": board,
        "boards": _offered(request, board, shown.query),
        "panels": panels,
        "problem": problem,
        "now": now,
        "socket": PATH,
        **_range(shown, now),
    }
    return render(request, "monitoring/boards/board.html", context, status=400 if problem else 200)


@for_staff
def data(request: HttpRequest, board: Board) -> HttpResponse:
    """Every panel as it is now, for a page that has no socket."""
    now = timezone.now()
    shown, problem = ranges.parse(request.GET, now)
    if problem:
        return JsonResponse({"error": problem}, status=400)
    panels = {panel.key: html(board.name, panel, shown) for panel in look(board, shown, now)}
    return JsonResponse({"at": now.isoformat(), "panels": panels})


@for_staff
def as_csv(request: HttpRequest, board: Board, key: str) -> HttpResponse:
    now = timezone.now()
    shown, problem = ranges.parse(request.GET, now)
    if problem:
        return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
    panel = next(iter(look(board, shown, now, only=key)), None)
    if panel is None:
        raise Http404("There is no such panel.")
    if panel.body is None:
        return HttpResponse("This can't be read at the moment.\n", status=503, content_type="text/plain")
    text = download(panel)
    if text is None:
        raise Http404("This panel has no table.")
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{board.name}-{key}-{now:%Y%m%dT%H%M%S}.csv"'
    return answer


def _address(board: Board) -> str:
    return reverse(f"monitoring:{board.name}")


def _offered(request: HttpRequest, here: Board, query: str) -> list[dict[str, Any]]:
    """The boards that this person may see, each with the range that is shown."""
    return [
        {"title": board.title, "href": f"{_address(board)}?{query}", "here": board is here}
        for board in BOARDS.values()
        if may_see(request.user, board)
    ]


def _range(shown: ranges.Range, now: Any) -> dict[str, Any]:
    """The range in words, and the ranges that it leads to."""
    return {
        "shown": shown,
        "usual": list(ranges.USUAL),
        "earlier": ranges.earlier(shown, now),
        "later": ranges.later(shown, now),
        "closer": ranges.closer(shown, now),
        "wider": ranges.wider(shown, now),
        "start": ranges.stamp(shown.start),
        "end": ranges.stamp(shown.end),
        "start_words": moment(shown.start),
        "end_words": moment(shown.end),
        "step": lasted(shown.step),
    }
