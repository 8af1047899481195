"""Static files by WhiteNoise, without making every other call wait for a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware


@sync_and_async_middleware
def static_files(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """WhiteNoise is synchronous alone: as a plain middleware it would move every API call to a thread and back."""
    noise = WhiteNoiseMiddleware(get_response)

    def find(path: str) -> Any:
        if not path.startswith(noise.static_prefix):
            return None
        return noise.find_file(path) if noise.autorefresh else noise.files.get(path)

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            found = find(request.path_info)
            if found is None:
                response: HttpResponseBase = await get_response(request)
                return response
            return await asyncio.to_thread(_whole, found, request)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        found = find(request.path_info)
        if found is None:
            response: HttpResponseBase = get_response(request)
            return response
        return _whole(found, request)

    return answer


def _whole(found: Any, request: HttpRequest) -> HttpResponse:
    """The file in one piece: ours are small, and a synchronous stream would be read in a thread, piece by piece."""
    served = found.get_response(request.method, request.META)
    body = b""
    if served.file is not None:
        with served.file as file:
            body = file.read()
    response = HttpResponse(body, status=int(served.status))
    del response["Content-Type"]
    for name, value in served.headers:
        response[name] = value
    return response
