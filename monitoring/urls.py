"""The doors of probes, SDKs, staff and the public status page."""

from django.urls import URLPattern, URLResolver, path

from monitoring.views import health, overview, runbooks

app_name = "monitoring"
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/health", health.live, name="live"),
    path("api/health/ready", health.ready, name="ready"),
    path("monitoring/", overview.overview, name="overview"),
    path("monitoring/runbooks/", runbooks.index, name="runbooks"),
    path("monitoring/runbooks/<slug:name>/", runbooks.page, name="runbook"),
]
