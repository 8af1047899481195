"""The doors of probes, SDKs, staff and the public status page."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
