"""The doors of probes, SDKs, staff and the public status page."""

from django.urls import URLPattern, URLResolver, path

from monitoring.views import runbooks

app_name = "monitoring"
urlpatterns: list[URLPattern | URLResolver] = [
    path("monitoring/runbooks/", runbooks.index, name="runbooks"),
    path("monitoring/runbooks/<slug:name>/", runbooks.page, name="runbook"),
]
