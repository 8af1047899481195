"""Figures that are known beforehand, put into a server's database as its processes do: by recorder, flusher and store.

Run as a module in the environment of that server; it says on one line what a test has to know.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from signals import telemetry  # noqa: E402
from tests.monitoring.boards.process import Process  # noqa: E402

QUICK_MS, SLOW_MS = 10.0, 1500.0
STEP_S = 20  # of the range of an hour


def login() -> str:
    """The session cookie of somebody who is on call."""
    user, _ = User.objects.get_or_create(username="sam", defaults={"is_staff": True})
    user.groups.add(Group.objects.get(name="on-call"))
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def load() -> str:
    """20 seconds of a known load, 50 minutes ago; gives the start of their step."""
    now = timezone.now() - timedelta(minutes=50)
    at = now - timedelta(seconds=now.timestamp() % STEP_S)
    web = Process(at)
    for _ in range(STEP_S // 5):
        for _ in range(9):
            web.recorder.observe(telemetry.WS_MESSAGE, QUICK_MS, "known:quick")
        web.recorder.observe(telemetry.WS_MESSAGE, SLOW_MS, "known:slow")
        web.recorder.count(telemetry.ERRORS, "known", 1)
        web.recorder.count(telemetry.WS_CLOSED, "1006", 2)
        web.recorder.level(telemetry.SESSIONS, 7, "")
        web.flush()
    web.write()
    return f"{at:%H:%M:%S}"


def trouble() -> None:
    """Errors of this moment."""
    now = timezone.now()
    web = Process(now - timedelta(seconds=5))
    web.recorder.count(telemetry.ERRORS, "known", 40)
    web.flush()
    web.write()


if __name__ == "__main__":
    if sys.argv[1:] == ["trouble"]:
        trouble()
    else:
        sys.stdout.write(json.dumps({"cookie": login(), "at": load()}))
