"""Reports and contacts."""

import pytest

from signals.domain.safety import Standing, contact, report
from signals.errors import ReportFailed, ValidationFailed

NOW = 1_800_000_000.0


def test_the_third_unique_reporter_excludes_for_an_hour_and_a_fourth_does_not_prolong_it() -> None:
    standing = Standing()
    for n, name in enumerate("ab"):
        standing = report(standing, name, NOW + n)
    assert standing.excluded_until == 0
    with pytest.raises(ReportFailed):
        report(standing, "a", NOW)
    third = report(standing, "c", NOW + 5)
    assert third.excluded_until == NOW + 5 + 3600
    assert report(third, "d", NOW + 60).excluded_until == third.excluded_until


@pytest.mark.parametrize("value", [" ann@example.org ", "a.b+c@sub.example.co.uk"])
def test_a_mail_address_is_kept_trimmed(value: str) -> None:
    assert contact(value) == value.strip()


@pytest.mark.parametrize(
    "value",
    [
        *("", "ann", "a@b", "@.", "a b@example.org", "<a@example.org>", "a@example.org,b@example.org"),
        *("a@example.org\nBcc: x@example.org", "a@" + "x" * 250 + ".org", "x" * 65 + "@example.org"),
        *("+0123456789", "079 123 45 67"),
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValidationFailed):
        contact(value)


def test_a_phone_number_is_refused_in_plain_words_while_nothing_can_send_to_it() -> None:
    with pytest.raises(ValidationFailed, match="Text messages"):
        contact("+41791234567")
    assert contact("+41791234567", sms=True) == "+41791234567"


def test_null_deletes() -> None:
    assert contact(None) is None
