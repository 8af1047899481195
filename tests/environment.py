"""The environment that tests run in; loaded by pytest before Django's settings are."""

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

os.environ["ENV_FILE"] = os.devnull  # a developer's own .env never changes a test
# For the servers that tests start: what runs in the tests' own process keeps people in its memory.
if "REDIS_URL" in os.environ:
    os.environ["SERVERS_REDIS_URL"] = os.environ.pop("REDIS_URL")
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("ENVIRONMENT", "test")
os.environ.setdefault("SECRET_KEY", "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="icebreaker-test-"))
os.environ.setdefault("EMAIL_URL", "memorymail://")
(Path(os.environ["DATA_DIR"]) / "static").mkdir(parents=True, exist_ok=True)  # what collectstatic makes elsewhere

# How long a test may take is measured by the benches, never by a test: a busy machine must not fail one.
settings.register_profile("icebreaker", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("icebreaker")
