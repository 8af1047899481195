"""The doors that people and clients use."""

from django.urls import URLPattern, URLResolver, path

from signals import pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.home, name="home"),
    path("privacy", pages.privacy, name="privacy"),
    path("code-of-conduct", pages.conduct, name="conduct"),
    path("offline", pages.offline, name="offline"),
    path("manifest.webmanifest", pages.manifest, name="manifest"),
    path("sw.js", pages.service_worker, name="service-worker"),
    path("api/onboarding", views.onboarding),
    path("api/profile/visibility", views.visibility),
    path("api/profile/emergency-contact", views.emergency_contact),
    path("api/safety/block", views.block),
    path("api/safety/report", views.report),
]
