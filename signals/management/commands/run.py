"""Everything on this machine: set up what is missing, then serve until Ctrl-C."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from signals.beside import Child
from signals.management.commands.serve import add_place, check_place, stop_quietly
from signals.serving import serve

HOSTS, UNPLACED = 4, 0.25  # of the simulated people: a visitor elsewhere sees those who give no position


def _collect_static() -> None:
    """Collect and compress static files, unless that was done for exactly these: it takes seconds."""
    files = [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
    facts = sorted((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    stamp, now = Path(settings.STATIC_ROOT) / ".collected", sha256(repr(facts).encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != now:
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(now)


class Command(BaseCommand):
    help = "Set up what is missing, start the server and its watcher, and say where to go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_place(parser)
        parser.add_argument("--people", type=int, default=0, help="simulated people around a point (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        check_place(options)
        stop_quietly()
        self.children: list[Child] = []
        self.options = options
        try:
            self._set_up()
            serve(options["server"], options["host"], options["port"], self._ready)
        except KeyboardInterrupt:
            pass
        finally:
            for child in reversed(self.children):
                child.stop()
            self.stdout.write("Stopped.")

    def _set_up(self) -> None:
        Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        if not settings.DEBUG:
            _collect_static()
        users = get_user_model()
        if users._default_manager.filter(is_staff=True).exists():
            return
        password = secrets.token_urlsafe(15)
        users._default_manager.create_superuser(username="admin", email="", password=password)
        self.stdout.write("\nA staff user was made. The password is shown this once and stored nowhere:\n")
        self.stdout.write(f"    user      admin\n    password  {password}\n")

    def _ready(self) -> None:
        host = self.options["host"]
        if host in ("0.0.0.0", "::"):  # noqa: S104 - where to go, not where to listen
            host = "127.0.0.1"
        url = f"http://{f'[{host}]' if ':' in host else host}:{self.options['port']}"
        self.stdout.write(f"\nIcebreaker is at  {url}/\nStaff go to       {url}/admin/\nCtrl-C stops it.\n")
        self.stdout.flush()
        if "watch" in get_commands():
            self._start("watch")
        if self.options["people"]:
            self._start_crowd(url, self.options["people"])

    def _start_crowd(self, url: str, people: int) -> None:
        hosts = min(HOSTS, people)
        self.stdout.write(
            f"\n{people} simulated people arrive. Those who give no position are seen from anywhere; {hosts} of them\n"
            "wait to be asked, accept at once and answer. Share no position of your own to see everybody.\n"
        )
        crowd = ("--people", str(people), "--hosts", str(hosts), "--unplaced", str(UNPLACED), "--seconds", "0")
        self._start("simulate", "--url", url, *crowd)

    def _start(self, *command: str) -> None:
        self.children.append(Child(command, self.stdout.write).start())
