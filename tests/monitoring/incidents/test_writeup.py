"""The draft says what is known, in order, and reads nobody's text as markup."""

from datetime import UTC, datetime, timedelta

from markdown_it import MarkdownIt

from monitoring.incidents.writeup import Facts, Happening, draft, minutes, plain

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def facts(**said: object) -> Facts:
    values: dict[str, object] = {
        "title": "Service is down",
        "number": 7,
        "severity": "critical",
        "verdict": "real",
        "detected_at": T0,
        "resolved_at": T0 + timedelta(minutes=42),
        "acknowledged_at": T0 + timedelta(minutes=3),
        "troubled": timedelta(minutes=40),
        "sessions_hit": 12,
        "cause": "A full disk.",
        "follow_ups": ["Alert earlier", " "],
        "happenings": [Happening(T0 + timedelta(minutes=3), "Acknowledged.", "ada"), Happening(T0, "Alert: down")],
    }
    return Facts(**{**values, **said})  # type: ignore[arg-type]


def test_the_draft_has_times_impact_cause_timeline_and_follow_ups() -> None:
    text = draft(facts())
    assert text.startswith("# Incident 7: Service is down\n")
    assert "Time to acknowledge: 3 minutes" in text
    assert "Time to resolve: 42 minutes" in text
    assert "Time with an open alert: 40 minutes" in text
    assert "Sessions hit: 12" in text
    assert text.index("12:00:00 UTC: Alert: down") < text.index("12:03:00 UTC: Acknowledged. (ada)")
    assert text.endswith("## Follow-ups\n\n- Alert earlier\n")


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    text = draft(facts(acknowledged_at=None, sessions_hit=None, cause="", follow_ups=[]))
    for sentence in ("nobody acknowledged it", "Sessions hit: not counted", "Not known.", "None."):
        assert sentence in text


def test_a_title_from_elsewhere_stays_text() -> None:
    evil = "x\n# Owned [a](javascript:alert(1)) <img src=x> `b` *c*"
    html = MarkdownIt("commonmark").render(draft(facts(title=evil, cause=evil, follow_ups=[evil])))
    assert html.count("<h1>") == 1
    assert not any(tag in html for tag in ("<a ", "<img", "<code>", "<em>"))
    assert "\n" not in plain(evil)


def test_minutes_are_told_as_people_tell_them() -> None:
    assert [minutes(timedelta(seconds=s)) for s in (5, 60, 150)] == ["under a minute", "1 minute", "2 minutes"]
