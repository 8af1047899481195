"""The menu of the admin shows to each what they may open, and marks the page where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, resolve


def fitted(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`sections` with who may open each entry, where it does not say so itself, and which one is open."""
    links = [item["link"] for section in sections for item in section["items"]]
    for section in sections:
        for item in section["items"]:
            item.setdefault("permission", _may_open(item["link"]))
            item["active"] = _is_open(item["link"], links)
    return sections


def _may_open(link: object) -> Callable[[HttpRequest], bool]:
    def may(request: HttpRequest) -> bool:
        try:
            model_admin = getattr(resolve(str(link)).func, "model_admin", None)
        except Resolver404:
            return True
        return model_admin is None or bool(model_admin.has_view_permission(request))

    return may


def _is_open(link: object, links: list[object]) -> Callable[[HttpRequest], bool]:
    """The entry whose address is the longest beginning of the page's own."""

    def is_open(request: HttpRequest) -> bool:
        fitting = [str(one) for one in links if request.path.startswith(str(one))]
        return bool(fitting) and str(link) == max(fitting, key=len)

    return is_open
