"""Which door leads where; each app keeps its own list."""

from django.contrib import admin
from django.urls import include, path, re_path

from signals.views import not_found

urlpatterns = [
    path("", include("monitoring.urls")),  # before the admin: some of its pages are within
    path("admin/", admin.site.urls),
    path("", include("signals.urls")),
    re_path(r"^api(?:/.*)?$", not_found),  # last: whatever nobody above answers
]
