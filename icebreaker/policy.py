"""What a page may load. People's pages and the status page say it themselves; here is the rest.

The theme of the admin evaluates small expressions in its pages, and writes styles into them: that is allowed below its
paths, and nowhere else. Whatever says nothing may load nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER: Final = "Content-Security-Policy"
NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STAFF: Final = re.compile(r"/(?:admin|monitoring)(?:/|$)")


def of_staff(request: HttpRequest) -> str:
    """Our own files, our own socket, and what the theme needs; nothing from elsewhere."""
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {socket}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@sync_and_async_middleware
def content_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Give every answer a policy that has none of its own."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _with_policy(request, await cast("Awaitable[HttpResponseBase]", get_response(request)))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(request, get_response(request))

    return answer


def _with_policy(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if HEADER in response:
        return response
    if _STAFF.match(request.path_info):
        response[HEADER] = of_staff(request)
    elif not settings.DEBUG:  # Django's own pages about an error are made for whoever writes this
        response[HEADER] = NOTHING
    return response
