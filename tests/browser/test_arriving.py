"""From the welcome to the radar, as somebody does who sees the page for the first time."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.town import Somebody

People = Callable[..., Somebody]


def test_a_stranger_is_on_the_radar_within_thirty_seconds(somebody: People, viewport: Any) -> None:
    started = time.monotonic()
    ann = somebody(viewport=viewport).arrive(tags=("Tech curious",))
    assert time.monotonic() - started < 30
    ann.sees("No one here — yet.")
    ann.sees("Connected")
    assert ann.handle


def test_somebody_who_says_no_is_let_go_kindly(somebody: People) -> None:
    ann = somebody()
    ann.press("Not for me")
    ann.heading("That is fine")
    ann.press("Back to the start")
    ann.heading("Icebreaker")


def test_without_age_and_word_there_is_no_way_on(somebody: People) -> None:
    ann = somebody().to_consent()
    ann.press("Continue")
    ann.sees("Both are needed")
    expect(ann.page.get_by_label("I am 18 or older.")).to_be_focused()
    ann.page.get_by_label("I am 18 or older.").check()
    ann.press("Continue")
    expect(ann.page.get_by_label("I keep to the")).to_be_focused()


def test_without_a_vibe_there_is_no_way_on(somebody: People) -> None:
    ann = somebody().to_vibe()
    ann.press("Enter the radar")
    ann.sees("Choose one vibe first.")


def test_skipping_location_leads_to_a_radar_that_says_so_and_offers_it_again(somebody: People) -> None:
    ann = somebody().arrive(place=False)
    ann.sees("Location is off.")
    ann.press("Enable location")
    expect(ann.page.locator("#place-state")).to_be_hidden()


def test_a_browser_that_denies_location_is_explained_and_is_no_dead_end(somebody: People) -> None:
    ann = somebody(at=None).to_place()
    ann.press("Enable location")
    ann.sees("Your browser said no.")
    ann.press("Skip for now")
    ann.page.get_by_label("Killing time").check()
    ann.press("Enter the radar")
    ann.sees("Your browser blocks location for this page.")


def test_who_skips_location_after_allowing_it_sends_none(somebody: People) -> None:
    ann = somebody().to_vibe()
    ann.press("Back")
    ann.press("Skip for now")
    ann.page.get_by_label("Killing time").check()
    with ann.page.expect_request("**/api/onboarding") as sent:
        ann.press("Enter the radar")
    assert "location" not in sent.value.post_data_json
    ann.sees("Location is off.")


def test_an_answer_about_location_that_comes_after_skipping_changes_nothing(somebody: People) -> None:
    ann = somebody().to_place()
    ann.page.evaluate("navigator.geolocation.getCurrentPosition = (done) => { window.answer = done; };0")
    ann.press("Enable location")
    ann.press("Skip for now")
    ann.page.get_by_label("Killing time").check()
    ann.page.evaluate("answer({coords: {latitude: 1, longitude: 1}});0")
    ann.press("Enter the radar")
    ann.sees("Location is off.")


def test_who_comes_next_at_the_same_device_is_asked_anew(somebody: People) -> None:
    ann = somebody().to_vibe()
    for _ in range(3):
        ann.press("Back")
    ann.press("Not for me")
    ann.press("Back to the start")
    ann.to_consent()
    expect(ann.page.get_by_label("I am 18 or older.")).not_to_be_checked()


def test_every_step_can_be_gone_back(somebody: People) -> None:
    ann = somebody().to_vibe()
    for heading in ("Where you are", "Before we start", "Icebreaker"):
        ann.page.get_by_role("button", name="Back", exact=True).filter(visible=True).click()
        ann.heading(heading)


def test_a_refusal_of_the_server_is_said_in_its_own_words(somebody: People) -> None:
    ann = somebody().to_vibe()
    ann.page.get_by_label("Surprise me").check()
    ann.page.evaluate("document.querySelector('[name=vibe]:checked').value = 'nonsense'")
    ann.press("Enter the radar")
    expect(ann.page.locator("#vibe-error")).not_to_be_empty()
    ann.heading("Your vibe")


def test_the_words_pages_are_reachable_and_lead_back(somebody: People) -> None:
    ann = somebody()
    for link, heading in (("Privacy", "Privacy"), ("Code of conduct", "Code of conduct")):
        ann.page.get_by_role("link", name=link).filter(visible=True).click()
        ann.heading(heading)
        ann.page.get_by_role("link", name="Back to the start").click()
        ann.heading("Icebreaker")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_whole_way_works_by_keyboard(somebody: People, key: str) -> None:
    page = somebody().page

    def tab_to(identity: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id || document.activeElement.name") == identity:
                return
        raise AssertionError(f"{identity} is not reached by Tab")

    tab_to("press-start")
    page.keyboard.press(key)
    tab_to("is-adult")
    page.keyboard.press("Space")
    tab_to("agrees")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    tab_to("place-skip")
    page.keyboard.press(key)
    tab_to("vibe")
    page.keyboard.press("Space")
    tab_to("enter")
    page.keyboard.press(key)
    expect(page.get_by_role("heading", level=1, name="Radar")).to_be_visible()
