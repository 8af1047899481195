"""All settings, flat. What differs between places comes from the environment, or from the file `.env` beside manage.py.

Every variable read here stands in `.env.example` with its default; a test holds the two together.
"""

import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from icebreaker.navigation import fitted

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env_file = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
if env_file.is_file():
    env.read_env(str(env_file))

# --- the place ---------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
ENVIRONMENT = env.str("ENVIRONMENT", default="development" if DEBUG else "production")
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
# Where `manage.py run` serves, as long as nothing else is said.
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{os.environ.get('PORT') or 8000}").rstrip("/")
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])  # networks whose X-Forwarded-For is believed

RELEASE = next(
    iter(re.findall(r"^## (\S+)", (BASE_DIR / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)),
    "unknown",
)

if not SECRET_KEY or (not DEBUG and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10)):
    raise ImproperlyConfigured("SECRET_KEY is missing or too weak: set it to at least 50 random characters.")

if not DEBUG and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS may not be '*' in production: name the hosts that people come by.")

# --- Django ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "signals",
    "monitoring",  # before health_check: its command of that name is ours
    "health_check",
]
MIDDLEWARE = [
    "signals.middleware.api_answers",
    "django.middleware.security.SecurityMiddleware",
    "icebreaker.static.static_files",
    "icebreaker.policy.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "icebreaker.urls"
ASGI_APPLICATION = "icebreaker.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "icebreaker" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["icebreaker.formats"]
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))  # what collectstatic makes
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},  # br and gzip, made by collectstatic
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

# --- where state lives -------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'icebreaker.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"].update(
        CONN_MAX_AGE=600,
        OPTIONS={
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        TEST={"NAME": str(DATA_DIR / "test.sqlite3")},
    )
else:
    DATABASES["default"].update(CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
REDIS_URL = env.str("REDIS_URL", default="")  # empty: people are kept in the memory of the one process there is
PRESENCE_REGION = env.str("PRESENCE_REGION", default="all")  # whose people these processes serve: one shard

# --- mail --------------------------------------------------------------------------------------------------------
_mail = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(_mail)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Icebreaker <icebreaker@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
# Whether a mail reaches anybody: a developer reads the terminal, in production nobody does.
MAIL_LEAVES = ENVIRONMENT != "production" or _mail["EMAIL_BACKEND"].split(".")[-2] not in ("console", "dummy")

# --- transport security ------------------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
HTTPS = env.bool("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # the proxy in front does it; health probes come over plain HTTP from inside
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # SECURE_SSL_REDIRECT, see above
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# --- people: limits and distances --------------------------------------------------------------------------------
RADAR_RANGE_M = env.int("RADAR_RANGE_M", default=1000)
CHAT_WARNING_M = env.int("CHAT_WARNING_M", default=800)
SESSION_IDLE_S = env.int("SESSION_IDLE_S", default=3600)
SESSION_MAX_S = env.int("SESSION_MAX_S", default=12 * 3600)
SESSIONS_MAX = env.int("SESSIONS_MAX", default=100_000)
SOCKETS_PER_SESSION = env.int("SOCKETS_PER_SESSION", default=5)
ONBOARDING_PER_MINUTE = env.int("ONBOARDING_PER_MINUTE", default=30)  # by client address
REQUESTS_PER_SECOND = env.int("REQUESTS_PER_SECOND", default=10)  # HTTP calls by session
FRAMES_PER_SECOND = env.int("FRAMES_PER_SECOND", default=20)
FRAMES_BURST = env.int("FRAMES_BURST", default=40)
SOCKET_WAITING_MAX = env.int("SOCKET_WAITING_MAX", default=256)  # frames left unread before a socket is given up
FRAMES_REFUSED_PER_MINUTE = env.int("FRAMES_REFUSED_PER_MINUTE", default=10_000)
POSITIONS_PER_SECOND = env.float("POSITIONS_PER_SECOND", default=1.0)
CHAT_MESSAGES_PER_MINUTE = env.int("CHAT_MESSAGES_PER_MINUTE", default=10)
BLOCKS_PER_SESSION = env.int("BLOCKS_PER_SESSION", default=1000)
REPORTS_KEPT_DAYS = env.int("REPORTS_KEPT_DAYS", default=180)  # and the orders that followed
REQUEST_EXPIRES_S = env.int("REQUEST_EXPIRES_S", default=60)
SOCKET_GRACE_S = env.int("SOCKET_GRACE_S", default=20)
BODY_MAX_BYTES = FRAME_MAX_BYTES = 16 * 1024

# --- errors ------------------------------------------------------------------------------------------------------
SENTRY_DSN = env.str("SENTRY_DSN", default="")  # our own processes' errors go there too, besides our own store
SENTRY_TRACES_SAMPLE_RATE = env.float("SENTRY_TRACES_SAMPLE_RATE", default=0.01)  # of messages and calls, 0 to 1
SENTRY_TRACES_PER_SECOND = env.float("SENTRY_TRACES_PER_SECOND", default=5)  # of messages, by process, at most
SENTRY_DSN_FORWARD_BACKEND = env.str("SENTRY_DSN_FORWARD_BACKEND", default="")  # what we took in, sent on
SENTRY_DSN_FORWARD_FRONTEND = env.str("SENTRY_DSN_FORWARD_FRONTEND", default="")
SPOOL_MAX_BYTES = env.int("SPOOL_MAX_BYTES", default=1024**3)  # what may wait on disk to be digested

# --- uptime ------------------------------------------------------------------------------------------------------
PROBE_CANARY_URL = env.str("PROBE_CANARY_URL", default="")  # answers as long as the prober itself can see
PROBE_SECRET = env.str("PROBE_SECRET", default="")  # remote probers sign with it; empty: none is heard
PROBE_ALERT_TO = env.list("PROBE_ALERT_TO", default=[])  # whom a remote prober mails when it can't report
SENTRY_WEBHOOK_SECRET = env.str("SENTRY_WEBHOOK_SECRET", default="")  # the client secret of the integration there
UPTIMEROBOT_WEBHOOK_SECRET = env.str("UPTIMEROBOT_WEBHOOK_SECRET", default="")
SENTRY_API_URL = env.str("SENTRY_API_URL", default="https://sentry.io")  # for `manage.py provision`, as what follows
SENTRY_AUTH_TOKEN = env.str("SENTRY_AUTH_TOKEN", default="")
SENTRY_ORG = env.str("SENTRY_ORG", default="")
SENTRY_PROJECTS = env.list("SENTRY_PROJECTS", default=["icebreaker-backend", "icebreaker-frontend"])
UPTIMEROBOT_API_URL = env.str("UPTIMEROBOT_API_URL", default="https://api.uptimerobot.com/v3")
UPTIMEROBOT_API_KEY = env.str("UPTIMEROBOT_API_KEY", default="")
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default="")  # for security.txt: an address or a page

# --- alerts ------------------------------------------------------------------------------------------------------
DATABASE_MAX_BYTES = env.int("DATABASE_MAX_BYTES", default=10 * 1024**3)  # what it may grow to: told when nearly full
SELF_TEST_ADDRESS = env.str("SELF_TEST_ADDRESS", default="")  # a mailbox of our own, mailed once a week

# --- measures ----------------------------------------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # a scraper's bearer token; empty: staff alone
BOARD_SOCKETS_MAX = env.int("BOARD_SOCKETS_MAX", default=50)  # staff who watch boards live; further pages ask instead

# --- a secret that is set has to be one -------------------------------------------------------------------------
for _name in ("PROBE_SECRET", "SENTRY_WEBHOOK_SECRET", "UPTIMEROBOT_WEBHOOK_SECRET", "METRICS_TOKEN"):
    if not DEBUG and (_weak := vars()[_name]) and (len(_weak) < 20 or len(set(_weak)) < 8):
        raise ImproperlyConfigured(f"{_name} is too weak: set it to at least 20 random characters, or leave it empty.")

# --- logs: one line each, on stderr ------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "icebreaker.logs.Line",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "whole": DEBUG,
        },
        "bare": {"format": "%(message)s"},
    },
    "filters": {
        "bad_clients": {"()": "icebreaker.logs.BadClients"},
        "first_line": {"()": "icebreaker.logs.FirstLine"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "json": {"class": "logging.StreamHandler", "formatter": "bare"},
    },
    "loggers": {
        # Below WARNING this one writes the path of every socket with its query, and so the token in it.
        "uvicorn.error": {"level": "WARNING", "filters": ["bad_clients"]},
        "uvicorn.access": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "asyncio": {"filters": ["first_line"]},  # what follows quotes the exception
        "icebreaker.fallback": {"handlers": ["json"], "propagate": False},  # its lines are JSON already
        # What a stranger's bad request looks like is no news; what we do wrong is.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}

# --- the admin ---------------------------------------------------------------------------------------------------
LOGIN_REDIRECT_URL = "/admin/"
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Icebreaker",
    "SITE_HEADER": "Icebreaker",
    "SIDEBAR": {
        "show_all_applications": True,
        "navigation": [
            {
                "title": "People",
                "items": [
                    {"title": "People now", "icon": "group", "link": reverse_lazy("admin:signals_people")},
                    {"title": "Reports", "icon": "flag", "link": reverse_lazy("admin:signals_report_changelist")},
                    {"title": "Orders", "icon": "gavel", "link": reverse_lazy("admin:signals_order_changelist")},
                    {"title": "Tags", "icon": "sell", "link": reverse_lazy("admin:signals_tag_changelist")},
                    {"title": "Weights", "icon": "tune", "link": reverse_lazy("admin:signals_weightset_changelist")},
                    {
                        "title": "Try weights",
                        "icon": "compare_arrows",
                        "link": reverse_lazy("admin:signals_weightset_compare"),
                        "permission": lambda request: request.user.has_perm("signals.view_weightset"),
                    },
                ],
            },
            {
                "title": "Boards",
                "items": [
                    {"title": "Overview", "icon": "monitor_heart", "link": reverse_lazy("monitoring:overview")},
                    {"title": "Errors", "icon": "error", "link": reverse_lazy("monitoring:errors")},
                    {"title": "Performance", "icon": "speed", "link": reverse_lazy("monitoring:performance")},
                    {"title": "Connections", "icon": "cable", "link": reverse_lazy("monitoring:connections")},
                    {"title": "Uptime", "icon": "timeline", "link": reverse_lazy("monitoring:uptime")},
                    {"title": "How alerts serve", "icon": "notifications", "link": reverse_lazy("monitoring:alerts")},
                ],
            },
            {
                "title": "On call",
                "items": [
                    {
                        "title": "Alerts",
                        "icon": "notifications_active",
                        "link": reverse_lazy("admin:monitoring_alert_changelist"),
                    },
                    {
                        "title": "Incidents",
                        "icon": "emergency",
                        "link": reverse_lazy("admin:monitoring_incident_changelist"),
                    },
                    {
                        "title": "Issues",
                        "icon": "bug_report",
                        "link": reverse_lazy("admin:monitoring_issue_changelist"),
                    },
                    {
                        "title": "Outages",
                        "icon": "cloud_off",
                        "link": reverse_lazy("admin:monitoring_outage_changelist"),
                    },
                    {"title": "Runbooks", "icon": "menu_book", "link": reverse_lazy("monitoring:runbooks")},
                    {
                        "title": "Drills",
                        "icon": "fire_extinguisher",
                        "link": reverse_lazy("admin:monitoring_drill_changelist"),
                    },
                    {"title": "Health", "icon": "health_and_safety", "link": reverse_lazy("monitoring:health")},
                    {"title": "Status page", "icon": "public", "link": reverse_lazy("monitoring:status")},
                ],
            },
            {
                "title": "Who hears of what",
                "items": [
                    {
                        "title": "Rules",
                        "icon": "rule_settings",
                        "link": reverse_lazy("admin:monitoring_rulesetting_changelist"),
                    },
                    {
                        "title": "Silences",
                        "icon": "notifications_off",
                        "link": reverse_lazy("admin:monitoring_silence_changelist"),
                    },
                    {
                        "title": "Maintenance",
                        "icon": "engineering",
                        "link": reverse_lazy("admin:monitoring_maintenance_changelist"),
                    },
                    {
                        "title": "Recipients",
                        "icon": "contact_mail",
                        "link": reverse_lazy("admin:monitoring_recipient_changelist"),
                    },
                    {
                        "title": "Mails",
                        "icon": "outgoing_mail",
                        "link": reverse_lazy("admin:monitoring_outboxmail_changelist"),
                    },
                    {"title": "Monitors", "icon": "radar", "link": reverse_lazy("admin:monitoring_monitor_changelist")},
                    {
                        "title": "Where errors are sent",
                        "icon": "key",
                        "link": reverse_lazy("admin:monitoring_project_changelist"),
                    },
                    {
                        "title": "Test error",
                        "icon": "science",
                        "link": reverse_lazy("monitoring:trial"),
                        "permission": lambda request: request.user.has_perm("monitoring.change_issue"),
                    },
                ],
            },
        ],
    },
}
UNFOLD["SIDEBAR"]["navigation"] = fitted(UNFOLD["SIDEBAR"]["navigation"])
