"""Which door leads where; each app keeps its own list."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("signals.urls")),
    path("", include("monitoring.urls")),
]
