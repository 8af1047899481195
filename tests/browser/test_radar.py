"""Who sees whom, in what words, and what can be done about it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.town import Somebody, away, chatting, until

People = Callable[..., Somebody]


def test_three_people_see_each_other_best_fit_first_without_asking(somebody: People, viewport: Any) -> None:
    ann = somebody(viewport=viewport).arrive("Open to intros", ("Tech curious", "Lo-fi head"))
    bob = somebody(viewport=viewport).arrive("Killing time")
    ann.sees_on_radar(bob.handle)
    cat = somebody(viewport=viewport).arrive("Open to intros", ("Tech curious",))
    expect(ann.page.locator("#people .handle")).to_have_text([cat.handle, bob.handle])
    expect(ann.page.locator("#people-count")).to_have_text("2 people")
    ann.open(cat.handle)
    ann.sees("Same room")
    ann.sees("Tech curious (shared)")
    ann.sees("You both chose Open to intros, share Tech curious and are in the same room.")


def test_somebody_without_location_is_seen_without_a_distance(somebody: People) -> None:
    ann = somebody().arrive()
    bob = somebody().arrive(place=False)
    ann.open(bob.handle)
    ann.sees("Distance unknown")


def test_somebody_hidden_sees_and_is_not_seen_until_they_show_themselves(somebody: People) -> None:
    ann = somebody().arrive()
    bob = somebody().arrive(visible=False)
    bob.sees_on_radar(ann.handle)
    bob.sees("You are hidden.")
    ann.sees_not(bob.handle)
    bob.press("Show me")
    ann.sees_on_radar(bob.handle)


def test_a_walk_out_of_range_takes_somebody_off_the_radar(somebody: People, cafe: dict[str, float]) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    ann.sees_on_radar(bob.handle)
    bob.move(away(cafe, 1200, 1400))
    ann.sees_not(bob.handle)


def test_muting_is_for_this_tab_alone_and_outlives_a_reload(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    handle = bob.handle
    ann.open(handle)
    ann.press("Mute")
    ann.sees_not(handle)
    bob.sees_on_radar(ann.handle)
    bob.ask(ann.handle)
    bob.sees(f"You asked {ann.handle}.")
    ann.page.reload()
    expect(ann.page.locator("#empty")).to_be_visible()
    expect(ann.page.locator("#requests")).to_be_hidden()


def test_the_muted_can_be_shown_again(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    ann.open(bob.handle)
    ann.press("Mute")
    ann.sees("1 person muted by you.")
    ann.press("Show them again")
    ann.sees_on_radar(bob.handle)


def test_a_block_takes_each_off_the_radar_of_the_other(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    mine, theirs = ann.handle, bob.handle
    ann.open(theirs)
    ann.press("Block")
    ann.sees("Blocked.")
    ann.sees_not(theirs)
    bob.sees_not(mine)


def test_a_report_needs_a_reason_is_thanked_for_and_a_second_one_refused(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    ann.open(bob.handle)
    ann.press("Report")
    ann.press("Send report")
    ann.sees("Choose what is wrong first.")
    ann.press("Close")
    for answer in ("Reported. Thank you.", "reported this person already"):
        ann.open(bob.handle)
        ann.press("Report")
        ann.page.get_by_label("Spam").check()
        ann.press("Send report")
        expect(ann.page.locator("#note-text")).to_contain_text(answer)


def test_three_declines_bring_a_break_that_says_how_long(somebody: People) -> None:
    ann = somebody().arrive()
    for _ in range(3):
        other = somebody().arrive()
        ann.ask(other.handle)
        other.press(f"Decline the chat with {ann.handle}")
        ann.sees("is not up for it now")
    ann.ask(other.handle)
    ann.sees("You can ask again in 30 min.")
    ann.page.reload()
    ann.sees("You can ask again in 30 min.")
    expect(ann.button(f"Chat with {other.handle}")).to_have_attribute("aria-disabled", "true")


def test_only_ones_own_vibe_can_be_shown(somebody: People) -> None:
    ann = somebody().arrive("Open to intros")
    bob, cat = somebody().arrive("Killing time"), somebody().arrive("Open to intros")
    ann.sees_on_radar(bob.handle)
    ann.page.get_by_label("My vibe only").check()
    ann.sees_not(bob.handle)
    ann.sees_on_radar(cat.handle)
    bob.page.get_by_label("My vibe only").check()
    bob.sees("No one with your vibe — yet.")


def test_who_is_in_a_chat_is_shown_as_busy(somebody: People) -> None:
    ann, bob, cat = somebody().arrive(), somebody().arrive(), somebody().arrive()
    one, _ = chatting(ann, bob)
    row = cat.page.locator("#people li", has_text=one)
    expect(row).to_contain_text("in a chat")
    expect(cat.button(f"Chat with {one}")).to_have_attribute("aria-disabled", "true")


def test_arrivals_are_announced_summed_up(somebody: People) -> None:
    ann = somebody().arrive()
    ann.page.evaluate(
        "window.heard = []; new MutationObserver(() => heard.push(live.textContent))"
        ".observe(live, {childList: true, characterData: true, subtree: true})"
    )
    for _ in range(3):
        somebody().arrive()
    until(lambda: "3 people on the radar" in " ".join(ann.page.evaluate("heard")), "the arrivals were not announced")
    assert len([words for words in ann.page.evaluate("heard") if "arrived" in words]) <= 2


def test_the_profile_hides_shows_and_keeps_a_contact(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    theirs = bob.handle
    bob.press("Profile")
    bob.page.get_by_role("dialog").get_by_label("Show me on the radar").uncheck()
    bob.sees("You are hidden. You still see others.")
    ann.sees_not(theirs)
    bob.page.get_by_label("Emergency contact").fill("nonsense")
    bob.press("Save contact")
    expect(bob.page.locator("#profile-said")).to_have_class("state bad")
    bob.page.get_by_label("Emergency contact").fill("+491701234567")
    bob.press("Save contact")
    bob.sees("Text messages can't be sent from here yet.")
    bob.page.get_by_label("Emergency contact").fill("friend@example.org")
    bob.press("Save contact")
    bob.sees("Saved for this session.")
    bob.press("Delete it")
    bob.sees("Deleted.")


def test_looks_are_kept_on_the_device(somebody: People) -> None:
    ann = somebody().arrive()
    ann.press("Profile")
    ann.page.get_by_label("High contrast").check()
    ann.page.get_by_label("Reduced motion").check()
    ann.page.reload()
    expect(ann.page.locator("html")).to_have_class("still contrast")


def test_leaving_takes_somebody_off_every_radar_and_forgets_the_tab(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    theirs = bob.handle
    ann.sees_on_radar(theirs)
    bob.press("Profile")
    bob.press("Leave now")
    bob.heading("That is fine")
    ann.sees_not(theirs)
    assert bob.page.evaluate("sessionStorage.length") == 0
    bob.page.reload()
    bob.heading("Icebreaker")


def test_who_leaves_without_a_connection_is_told_what_the_server_does_not_know(somebody: People) -> None:
    ann = somebody().arrive()
    ann.context.set_offline(True)
    ann.press("Profile")
    ann.press("Leave now")
    ann.heading("That is fine")
    ann.sees("others may still read your handle there for up to an hour")
    assert ann.page.evaluate("sessionStorage.length") == 0


def test_a_waiting_request_is_told_in_the_title_and_after_a_chat(somebody: People) -> None:
    ann, bob, cat = somebody().arrive(), somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    bob.press("End chat")
    ann.heading("Chat ended")
    cat.ask(ann.handle)
    ann.sees(f"{cat.handle} asks to chat: answer on the radar.")
    expect(ann.page).to_have_title("A request - Chat ended - Icebreaker")
    ann.press("Back to the radar")
    ann.press(f"Accept the chat with {cat.handle}")
    cat.heading(ann.handle)
    expect(cat.page).to_have_title("Chat - Icebreaker")
