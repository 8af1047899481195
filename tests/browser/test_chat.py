"""Asking, talking, ending: every answer and every reason."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.town import Server, Somebody, away, chatting

People = Callable[..., Somebody]


def nothing_is_left(somebody: Somebody, text: str) -> None:
    """The line is neither in the page, nor in its storage, nor in what the page remembers."""
    assert text not in somebody.page.content()
    stored = somebody.page.evaluate("JSON.stringify({...sessionStorage}) + JSON.stringify({...localStorage})")
    assert text not in stored


def test_two_people_talk_and_say_goodbye_and_the_text_is_gone(somebody: People, viewport: Any) -> None:
    ann, bob = somebody(viewport=viewport).arrive(), somebody(viewport=viewport).arrive()
    one, two = chatting(ann, bob)
    ann.write("Is that the good coffee?")
    bob.reads("Is that the good coffee?")
    bob.write("The very best")
    ann.reads("The very best")
    ann.press("End chat")
    for person in (ann, bob):
        person.heading("Chat ended")
        person.sees("The chat has ended. One of you said goodbye.")
        nothing_is_left(person, "good coffee")
        person.press("Back to the radar")
        person.heading("Radar")
    ann.page.go_back()
    ann.page.go_forward()
    nothing_is_left(ann, "good coffee")
    assert one != two


def test_the_back_button_brings_no_line_back(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    _, two = chatting(ann, bob)
    bob.write("Is that the good coffee?")
    ann.reads("Is that the good coffee?")
    ann.page.get_by_label("Your message").fill("half a thought")
    ann.page.goto(ann.url + "/privacy")
    ann.page.go_back()
    ann.heading(two)
    ann.reads("Earlier lines were not kept anywhere.")
    for text in ("good coffee", "half a thought"):
        nothing_is_left(ann, text)
    expect(ann.page.get_by_label("Your message")).to_have_value("")


def test_a_line_is_shown_with_its_time_and_never_as_html(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    one, _ = chatting(ann, bob)
    ann.write("<img src=x onerror=alert(1)> & <b>hello</b>")
    bob.reads("<img src=x onerror=alert(1)> & <b>hello</b>")
    text = bob.page.locator("#chat-lines li.them").inner_text()
    assert text[0] == "[" and text[3] == ":" and text[6] == "]"
    assert f"{one}:" in text
    assert bob.page.locator("#chat-lines img").count() == 0


def test_a_declined_request_is_told_kindly(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    ann.ask(bob.handle)
    bob.sees(f"{ann.handle} asks to chat")
    bob.press(f"Decline the chat with {ann.handle}")
    ann.sees(f"{bob.handle} is not up for it now. That is fine.")
    expect(ann.page.locator("#requests")).to_be_hidden()


@pytest.mark.parametrize("own_server", [{"REQUEST_EXPIRES_S": "10"}], ids=["ten seconds"], indirect=True)
def test_an_unanswered_request_runs_out_on_both_sides(own_server: Server, somebody: People) -> None:
    ann, bob = somebody(url=own_server.url).arrive(), somebody(url=own_server.url).arrive()
    ann.ask(bob.handle)
    ann.sees(f"You asked {bob.handle}.")
    expect(ann.page.locator("#note-text")).to_contain_text("No answer from", timeout=40_000)
    expect(bob.page.locator("#requests")).to_be_hidden()


def test_two_who_ask_each_other_are_in_a_chat(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    one, two = ann.handle, bob.handle
    ann.ask(two)
    bob.ask(one)
    ann.heading(two)
    bob.heading(one)


def test_a_block_in_a_chat_ends_it_and_the_other_side_is_told_a_goodbye(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    one, two = chatting(ann, bob)
    ann.press("Block or report")
    ann.press("Block")
    ann.sees("You blocked this person.")
    bob.sees("The chat has ended. One of you said goodbye.")
    bob.press("Back to the radar")
    bob.sees_not(one)
    ann.press("Back to the radar")
    ann.sees_not(two)


def test_panic_in_a_chat_clears_the_screen_and_the_other_side_hears_a_goodbye(somebody: People, viewport: Any) -> None:
    ann, bob = somebody(viewport=viewport).arrive(), somebody(viewport=viewport).arrive()
    one, two = chatting(ann, bob)
    ann.press("Profile")
    ann.page.get_by_label("High contrast").check()
    ann.press("Done")
    ann.write("something private")
    bob.reads("something private")
    ann.page.keyboard.press("Escape")
    ann.sees("Everything okay?")
    ann.press("Never mind")
    ann.heading(two)
    ann.page.keyboard.press("Escape")
    ann.page.keyboard.press("Enter")
    ann.heading("You're safe. Session ended.")
    ann.sees("Nothing was sent.")
    bob.sees("The chat has ended. One of you said goodbye.")
    seen = ann.page.locator("body").inner_text()
    for word in ("Icebreaker", one, two, "private", "Radar"):
        assert word.lower() not in seen.lower()
    assert ann.page.title() == "Done"
    assert ann.page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert ann.page.evaluate("document.querySelector('link[rel=icon]').href").endswith("/blank.svg")
    nothing_is_left(ann, "something private")


def test_panic_tells_whether_the_contact_is_alerted(somebody: People) -> None:
    ann = somebody().arrive()
    ann.press("Profile")
    ann.page.get_by_label("Emergency contact").fill("friend@example.org")
    ann.press("Save contact")
    ann.sees("Saved for this session.")
    ann.press("Done")
    ann.press("Panic")
    ann.sees("Your emergency contact gets a mail with the time and your rough area")
    ann.press("Send alert & exit")
    ann.sees("Your message is on its way.")
    ann.press("Leave this page")
    ann.page.wait_for_url("about:blank")


def test_far_apart_the_signal_is_weak_and_comes_back(somebody: People, cafe: dict[str, float]) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    bob.move(away(cafe, 830, 970))
    for person in (ann, bob):
        expect(person.page.locator("#chat-weak")).to_be_visible()
        expect(person.page.locator("#live-now")).to_contain_text("Signal weak.")
    bob.page.reload()
    expect(bob.page.locator("#chat-weak")).to_be_visible()
    ann.move(away(cafe, 300, 500))
    for person in (ann, bob):
        expect(person.page.locator("#chat-weak")).to_be_hidden()
        person.reads("The signal is back.")


def test_out_of_range_the_chat_ends_for_both(somebody: People, cafe: dict[str, float]) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    bob.move(away(cafe, 1200, 1400))
    for person in (ann, bob):
        person.sees("Out of range.")


@pytest.mark.parametrize("own_server", [{"SOCKET_GRACE_S": "3"}], ids=["three seconds"], indirect=True)
def test_a_partner_who_is_gone_for_good_ends_the_chat(own_server: Server, somebody: People) -> None:
    ann, bob = somebody(url=own_server.url).arrive(), somebody(url=own_server.url).arrive()
    chatting(ann, bob)
    bob.page.close()
    expect(ann.page.locator("#ended-words")).to_contain_text("The other person is gone.", timeout=40_000)


def test_limits_are_said_before_they_are_met(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    box, limits = ann.page.get_by_label("Your message"), ann.page.locator("#chat-limits")
    box.fill("x" * 850)
    expect(limits).to_contain_text("150 characters left.")
    box.fill("\N{GRINNING FACE}" * 1001)
    expect(limits).to_contain_text("1 character too long.")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("#chat-lines li")).to_have_count(0)
    for n in range(10):
        writer = (ann, bob)[n % 2]
        writer.write(f"line {n}.")
        ann.reads(f"line {n}.")
        if n == 7:
            expect(limits).to_contain_text("2 lines left this minute for both of you.")
    for person in (ann, bob):
        expect(person.page.locator("#chat-limits")).to_contain_text("10 lines a minute for both of you. The next in")
    ann.write("one more")
    expect(box).to_have_value("one more")
    bob.reads("line 9.")
    expect(bob.page.locator("#chat-lines li")).to_have_count(10)
    ann.page.reload()
    expect(limits).to_contain_text("10 lines a minute for both of you. The next in")


def test_panic_stays_in_sight_however_far_one_scrolls(somebody: People) -> None:
    ann, bob = somebody(viewport={"width": 320, "height": 568}).arrive(), somebody().arrive()
    ann.sees_on_radar(bob.handle)
    ann.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert ann.page.evaluate("window.scrollY") > 0
    expect(ann.button("Panic")).to_be_in_viewport(ratio=1)
    chatting(ann, bob)
    for n in range(3):
        bob.write(f"{n} " + "long words " * 80)
        ann.reads(f"{n} long")
    ann.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(ann.button("Panic")).to_be_in_viewport(ratio=1)


def test_a_line_break_is_kept_and_blank_lines_are_not_sent(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    ann.write("   ")
    ann.page.get_by_label("Your message").fill("")
    ann.page.keyboard.type("first")
    ann.page.keyboard.press("Shift+Enter")
    ann.page.keyboard.type("second")
    ann.page.keyboard.press("Enter")
    bob.reads("first\nsecond")
    expect(bob.page.locator("#chat-lines li")).to_have_count(1)
