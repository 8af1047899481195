"""The menu of the admin shows to each what they may open, and marks the page where they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, resolve


def fitted(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`sections` with who may open each entry, where it does not say so itself, and which one is open."""
    links = [item["link"] for section in sections for item in section["items"]]

    @cache
    def addresses() -> list[str]:
        """Of all entries, once they are asked for: settings are read before there are any."""
        return [str(link) for link in links]

    for section in sections:
        for item in section["items"]:
            item.setdefault("permission", _may_open(item["link"]))
            item["active"] = _is_open(item["link"], addresses)
    return sections


def _may_open(link: object) -> Callable[[HttpRequest], bool]:
    @cache
    def model_admin() -> Any:
        try:
            return getattr(resolve(str(link)).func, "model_admin", None)
        except Resolver404:
            return None

    def may(request: HttpRequest) -> bool:
        own = model_admin()
        return own is None or bool(own.has_view_permission(request))

    return may


def _is_open(link: object, addresses: Callable[[], list[str]]) -> Callable[[HttpRequest], bool]:
    """The entry whose address is the longest beginning of the page's own."""

    def is_open(request: HttpRequest) -> bool:
        fitting = [one for one in addresses() if request.path.startswith(one)]
        return bool(fitting) and str(link) == max(fitting, key=len)

    return is_open
