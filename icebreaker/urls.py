"""Which door leads where; each app keeps its own list."""

from django.contrib import admin
from django.urls import include, path, re_path

from signals.views import not_found

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("signals.urls")),
    path("", include("monitoring.urls")),
    re_path(r"^api(?:/.*)?$", not_found),  # last: whatever nobody above answers
]
