"""Where things have a page of their own."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def change_page(model: str, number: int) -> str:
    """The admin's page of one row; empty while its model has none."""
    try:
        return reverse(f"admin:{model}_change", args=[number])
    except NoReverseMatch:
        return ""
