"""The doors that people and clients use."""

from django.urls import URLPattern, URLResolver, path

from signals import pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.home, name="home"),
    path("privacy", pages.privacy, name="privacy"),
    path("code-of-conduct", pages.conduct, name="conduct"),
    path("offline", pages.offline, name="offline"),
    path("manifest.webmanifest", pages.manifest, name="manifest"),
    path("sw.js", pages.service_worker, name="service-worker"),
]
