"""The first look at a board costs a process a quarter of a second more than every other: templates, addresses, imports.

So it looks by itself, once it has served for a while, before somebody does who is in a hurry.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest

from monitoring.views import boards

log = logging.getLogger("icebreaker")
AFTER_S: Final = 30.0  # not while everybody comes back after a deploy
_begun: Final = threading.Event()


def up() -> None:
    """Look at the overview as nobody in particular, and throw it away."""
    request = HttpRequest()
    request.method, request.path, request.META = "GET", "/admin/overview/", {"SCRIPT_NAME": ""}
    request.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    boards.page(request, "overview")


def start() -> None:
    """Do so in a while, beside the requests; a second call does nothing."""
    if not _begun.is_set():
        _begun.set()
        timer = threading.Timer(AFTER_S, _quietly)
        timer.daemon = True
        timer.start()


def _quietly() -> None:
    try:
        up()
    except Exception as error:  # whoever looks next sees why
        log.info("the boards could not be warmed: %s", type(error).__name__)
    finally:
        connection.close()
