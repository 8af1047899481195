"""What has to be there before settings can be read: the file `.env` with a secret of its own."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

FIRST = """\
# Made at the first start, for trying Icebreaker on this machine. `.env.example` names every setting.
SECRET_KEY={secret}
ENVIRONMENT=development
# Plain HTTP on this machine; behind a proxy that speaks HTTPS, remove the line.
HTTPS=false
# Simulated people all come from one address.
ONBOARDING_PER_MINUTE=6000
"""


def prepare(base: Path) -> None:
    """Before `manage.py run`: make `.env` if nobody has said a secret, and say where this server is found."""
    file = Path(os.environ.get("ENV_FILE", str(base / ".env")))
    if not os.environ.get("SECRET_KEY") and not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as made:
            made.write(FIRST.format(secret=secrets.token_urlsafe(64)))
        print(f"Made {file.name} with a new SECRET_KEY.")
    said = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not re.search(r"^\s*(export\s+)?PUBLIC_URL\s*=", said, re.M):
        host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
        os.environ.setdefault("PUBLIC_URL", f"http://{host}:{port}")
