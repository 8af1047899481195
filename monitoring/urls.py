"""The doors of probes, SDKs, staff and the public status page."""

from django.urls import URLPattern, URLResolver, path, register_converter

from monitoring.alerts import tokens
from monitoring.boards.shelf import BOARDS
from monitoring.views import acknowledge, boards, health, report, runbooks, status, trial, webhooks


class BoardName:
    """The name of a board, and nothing else."""

    regex = "|".join(BOARDS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(BoardName, "board")
app_name = "monitoring"
TOKEN = {"token": "<str:token>"}
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/health", health.live, name="live"),
    path("api/health/ready", health.ready, name="ready"),
    path("hooks/probes", webhooks.probes, name="probes"),
    path("hooks/sentry", webhooks.sentry, name="sentry-hook"),
    path("hooks/uptimerobot", webhooks.uptimerobot, name="uptimerobot-hook"),
    path("status", status.page, name="status"),
    path("status.json", status.as_json, name="status-json"),
    path("status.svg", status.badge, name="status-badge"),
    path("status.atom", status.feed, name="status-feed"),
    path("robots.txt", status.robots, name="robots"),
    path(".well-known/security.txt", status.security, name="security"),
    path("admin/", boards.home, name="home"),
    *(path(f"admin/{name}/", boards.page, {"name": name}, name=name) for name in BOARDS),
    path("admin/boards/<board:name>/data", boards.data, name="board-data"),
    path("admin/boards/<board:name>/<slug:key>.csv", boards.as_csv, name="board-csv"),
    path(tokens.ACKNOWLEDGE_PATH.format(**TOKEN), acknowledge.acknowledge, name="acknowledge"),
    path(tokens.VERIFY_PATH.format(**TOKEN), acknowledge.confirm, name="confirm"),
    path("monitoring/health/", report.report, name="health"),
    path("monitoring/metrics", report.metrics, name="metrics"),
    path("monitoring/test-error/", trial.page, name="trial"),
    path("monitoring/test-error/found", trial.found, name="trial-found"),
    path("monitoring/runbooks/", runbooks.index, name="runbooks"),
    path("monitoring/runbooks/<slug:name>/", runbooks.page, name="runbook"),
]
