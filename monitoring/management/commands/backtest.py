"""The rules, or a candidate for one of them, played through stored history."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring.alerts import backtest, book, words
from monitoring.alerts.backtest import Comparison, Fire, Outcome
from monitoring.alerts.rules import Rule

TIMES: Final = ("window", "hold", "keep")
LISTED: Final = 20


class Command(BaseCommand):
    help = "Say how often each rule would have fired, and what other thresholds would have changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, default=backtest.DAYS, help="how far back (%(default)s)")
        parser.add_argument("--rule", metavar="NAME", help="only this rule, with the values below beside its own")
        parser.add_argument("--over", type=float, help="another threshold")
        parser.add_argument("--clear", type=float, help="another bound for clear")
        parser.add_argument("--edge-ms", type=int, help="another edge of a timing: 200, 500, 1000 or 2000")
        parser.add_argument("--min-samples", type=int, help="another least number of samples")
        for name in TIMES:
            parser.add_argument(f"--{name}", type=float, metavar="SECONDS", help=f"another {name}")

    def handle(self, *args: Any, **options: Any) -> None:
        now, days = timezone.now(), options["days"]
        if not 0 < days <= 400:
            raise CommandError("History is kept for 400 days.")
        said = {name: options[name] for name in ("over", "clear", "edge_ms", "min_samples")}
        said |= {name: timedelta(seconds=options[name]) if options[name] is not None else None for name in TIMES}
        changed = any(value is not None for value in said.values())
        if changed and not options["rule"]:
            raise CommandError("Say of which rule: --rule NAME.")
        if options["rule"] and options["rule"] not in book.BY_NAME:
            raise CommandError(f"There is no rule {options['rule']}. There are: {', '.join(book.BY_NAME)}.")
        if changed:
            self._compare(options["rule"], said, days, now)
            return
        rules = [book.one(options["rule"])] if options["rule"] else book.current()
        self._table(rules, backtest.run(rules, days=days, now=now))

    def _table(self, rules: Any, outcome: Outcome) -> None:
        self.stdout.write(f"{'rule':<30}{'fired':>7}{'a day':>8}{'mailed':>8}")
        for rule in rules:
            fired, mailed = len(outcome.fires[rule.name]), len(outcome.paged(rule.name))
            self.stdout.write(f"{rule.name:<30}{fired:>7}{outcome.a_day(rule.name):>8.2f}{mailed:>8}")

    def _compare(self, name: str, said: dict[str, Any], days: float, now: Any) -> None:
        try:
            found: Comparison = backtest.compare(name, days=days, now=now, **said)
        except ValueError as error:
            raise CommandError(str(error)) from error
        for word, outcome in (("as it is", found.today), ("as proposed", found.then)):
            fired, mailed = len(outcome.fires[name]), len(outcome.paged(name))
            self.stdout.write(f"{word:<12}{fired:>5} times, {outcome.a_day(name):.2f} a day, {mailed} mailed")
        self._list("Only as proposed", found.rule, found.more)
        self._list("No longer", found.rule, found.missed)

    def _list(self, heading: str, rule: Rule, fires: list[Fire]) -> None:
        self.stdout.write(f"{heading}: {len(fires)}")
        for fire in fires[-LISTED:]:
            lasted = words.duration(fire.resolved_at - fire.fired_at) if fire.resolved_at else "still open"
            worst = words.figure(rule.condition, fire.worst)
            muted = f", follows from {fire.muted}" if fire.muted else ""
            self.stdout.write(f"  {words.stamp(fire.fired_at)}  {lasted}, worst {worst}{muted}")
