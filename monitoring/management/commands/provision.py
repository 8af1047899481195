"""Set the same rules and monitors up in a real Sentry and UptimeRobot, or say what would be done."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitoring.provision import sentry, uptimerobot
from monitoring.provision.client import PLAN_STATUS, Account, Refused, Unreachable
from monitoring.provision.plan import Outcome, Step

WOULD: Final = {Step.CREATE: "would create", Step.UPDATE: "would change", Step.KEEP: "is as it should be:"}
DID: Final = {Step.CREATE: "created", Step.UPDATE: "changed", Step.KEEP: "is as it should be:"}
LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1", None})


class Command(BaseCommand):
    help = "Create or update our rules in Sentry and our monitors in UptimeRobot. Changes nothing without --apply."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="really do it")
        parser.add_argument("--only", choices=["sentry", "uptimerobot"], help="one of the two")

    def handle(self, *args: Any, **options: Any) -> None:
        apply, only = options["apply"], options["only"]
        bad = sum(self._run(name, apply=apply) for name in ("sentry", "uptimerobot") if only in (None, name))
        if not apply:
            self.stdout.write("Nothing was changed. Run it again with --apply.")
        if bad:
            raise CommandError(f"{bad} could not be done; see above.")

    def _run(self, name: str, *, apply: bool) -> int:
        """Answers how many things could not be done."""
        token, root = {
            "sentry": (settings.SENTRY_AUTH_TOKEN, settings.SENTRY_API_URL),
            "uptimerobot": (settings.UPTIMEROBOT_API_KEY, settings.UPTIMEROBOT_API_URL),
        }[name]
        if missing := self._missing(name, token):
            self.stdout.write(f"{name}: left out, since {missing}.")
            return 0
        account, bad = Account(root, token), 0
        try:
            for outcome in self._outcomes(name, account, apply=apply):
                bad += bool(outcome.refused)
                self.stdout.write(f"{name}: {_line(outcome, apply=apply)}")
        except Refused as error:
            hint = " Does the token have the rights, and the plan the feature?" if error.status in PLAN_STATUS else ""
            self.stdout.write(f"{name}: refused ({error.status}): {error}.{hint}")
            bad += 1
        except Unreachable as error:
            self.stdout.write(f"{name}: {error}.")
            bad += 1
        finally:
            account.close()
        return bad

    def _outcomes(self, name: str, account: Account, *, apply: bool) -> Iterator[Outcome]:
        if name == "sentry":
            place = sentry.Place(settings.SENTRY_ORG, tuple(settings.SENTRY_PROJECTS))
            return sentry.provision(account, place, apply=apply)
        return uptimerobot.provision(account, settings.PUBLIC_URL, settings.UPTIMEROBOT_WEBHOOK_SECRET, apply=apply)

    def _missing(self, name: str, token: str) -> str:
        if not token:
            return "SENTRY_AUTH_TOKEN is not set" if name == "sentry" else "UPTIMEROBOT_API_KEY is not set"
        if name == "sentry" and not (settings.SENTRY_ORG and settings.SENTRY_PROJECTS):
            return "SENTRY_ORG or SENTRY_PROJECTS is not set"
        if name == "uptimerobot" and urlsplit(settings.PUBLIC_URL).hostname in LOCAL:
            return "PUBLIC_URL is an address that nobody outside can reach"
        return ""


def _line(outcome: Outcome, *, apply: bool) -> str:
    what = f"{outcome.thing.kind} “{outcome.thing.name}”"
    if outcome.refused:
        return f"could not {outcome.step} {what}: {outcome.refused}"
    return f"{(DID if apply else WOULD)[outcome.step]} {what}"
