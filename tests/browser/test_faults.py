"""Reloads, tabs, tunnels, sleeping phones and servers that restart: nothing is lost silently, nothing comes twice."""

import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests import redis_here
from tests.browser.town import Server, Somebody, chatting, until

People = Callable[..., Somebody]


def test_a_reload_resumes_the_same_session_without_asking_anything(somebody: People) -> None:
    ann = somebody().arrive()
    handle = ann.handle
    ann.page.reload()
    ann.heading("Radar")
    expect(ann.page.locator("#my-handle")).to_have_text(handle)


def test_a_reload_in_a_chat_returns_to_it_and_says_that_earlier_lines_are_gone(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    _, two = chatting(ann, bob)
    bob.write("before")
    ann.reads("before")
    ann.page.reload()
    ann.heading(two)
    ann.reads("Earlier lines were not kept anywhere.")
    ann.reads("before", times=0)
    bob.write("after")
    ann.reads("after")


def test_an_open_request_outlives_a_reload_of_either_side(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    one, two = ann.handle, bob.handle
    ann.ask(two)
    bob.sees(f"{one} asks to chat")
    ann.page.reload()
    ann.sees(f"You asked {two}.")
    bob.page.reload()
    bob.press(f"Accept the chat with {one}")
    ann.heading(two)


def test_without_a_network_the_page_says_so_and_comes_back_by_itself(somebody: People) -> None:
    ann = somebody().arrive()
    ann.context.set_offline(True)
    ann.sees("You are offline.")
    bob = somebody().arrive()
    ann.context.set_offline(False)
    ann.sees_on_radar(bob.handle)
    expect(ann.page.locator("#link-banner")).to_be_hidden()


def test_a_short_tunnel_keeps_the_chat_and_marks_the_gap(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    ann.context.set_offline(True)
    ann.sees("You are offline.")
    ann.write("typed in the tunnel")
    expect(ann.page.get_by_label("Your message")).to_have_value("typed in the tunnel")
    ann.context.set_offline(False)
    ann.reads("Connected again.")
    ann.page.get_by_label("Your message").press("Enter")
    bob.reads("typed in the tunnel")
    ann.reads("typed in the tunnel")


def test_a_line_whose_echo_never_came_is_marked_and_sent_again_only_when_asked(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    chatting(ann, bob)
    ann.page.evaluate(  # a socket that looks open while nothing that is sent arrives any more, as in a dying network
        "const send = WebSocket.prototype.send;"
        "WebSocket.prototype.send = function (data) {"
        " if (data.includes('chat:message')) window.dead ??= this; if (this !== window.dead) send.call(this, data); };0"
    )
    ann.write("lost on the way")
    ann.reads("sending...")
    expect(ann.page.locator("#chat-lines li", has_text="Not confirmed")).to_have_count(1, timeout=40_000)
    bob.reads("lost on the way", times=0)
    ann.press("Send again")
    bob.reads("lost on the way")
    ann.reads("lost on the way")
    ann.reads("Not confirmed", times=0)


def test_two_tabs_of_one_session_show_the_same_chat_once_each(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    kept = ann.page.evaluate("sessionStorage.getItem('icebreaker')")
    second = ann.context.new_page()
    second.add_init_script(f"location.host && sessionStorage.setItem('icebreaker', {kept!r})")
    second.goto(ann.url)
    expect(second.locator("#my-handle")).to_have_text(ann.handle)
    chatting(ann, bob)
    ann.write("from the first tab")
    bob.reads("from the first tab")
    expect(second.locator("#chat-lines li", has_text="from the first tab")).to_have_count(1)
    ann.reads("from the first tab")
    bob.press("End chat")
    expect(second.get_by_role("heading", name="Chat ended")).to_be_visible()
    ann.heading("Chat ended")


def test_a_sixth_tab_is_told_why_it_can_not_connect(somebody: People) -> None:
    ann = somebody().arrive()
    kept = ann.page.evaluate("sessionStorage.getItem('icebreaker')")
    ann.context.add_init_script(f"location.host && sessionStorage.setItem('icebreaker', {kept!r})")
    tabs = [ann.tab() for _ in range(4)]
    for tab in tabs:
        expect(tab.locator("#link-state")).to_have_text("Connected")
    sixth = ann.tab()
    expect(sixth.locator("#link-words")).to_contain_text("too many tabs")
    tabs[0].close()
    sixth.get_by_role("button", name="Try now").click()
    expect(sixth.locator("#link-state")).to_have_text("Connected")


def test_a_phone_that_slept_notices_that_its_connection_is_dead(somebody: People) -> None:
    ann = somebody().arrive()
    with ann.page.expect_websocket(timeout=20_000):
        ann.page.evaluate(  # the socket looks open and nothing comes through: what a phone finds when it wakes
            "WebSocket.prototype.send = () => {}; document.dispatchEvent(new Event('visibilitychange'))"
        )
    expect(ann.page.locator("#link-state")).to_have_text("Connected")


@pytest.mark.parametrize("own_server", [{"REDIS_URL": ""}], indirect=True, ids=["people in its memory"])
def test_a_server_that_restarts_in_mid_chat_is_come_back_to_quietly(
    browser: Browser, own_server: Server, somebody: People
) -> None:
    ann, bob = somebody(url=own_server.url).arrive(), somebody(url=own_server.url).arrive()
    one, two = chatting(ann, bob)
    ann.press("Panic")
    ann.press("Never mind")
    ann.write("soon gone")
    bob.reads("soon gone")
    own_server.stop()
    ann.sees("The connection is lost.")
    own_server.start()
    for person in (ann, bob):
        expect(person.page.locator("#ended-words")).to_contain_text("when you came back", timeout=40_000)
        person.press("Back to the radar")
        until(lambda p=person: p.handle not in (one, two, "..."), "no new handle")
    ann.sees_on_radar(bob.handle)


@pytest.fixture
def with_redis() -> Iterator[Server]:
    """A server that keeps people in Redis, in a region of the test's own."""
    redis_here.needed()
    region = redis_here.new_region()
    running = Server(REDIS_URL=redis_here.URL, PRESENCE_REGION=region).start()
    yield running
    running.stop()
    redis_here.empty(region)


@pytest.mark.redis
def test_a_chat_outlives_a_restart_of_the_server_when_people_are_kept_in_redis(
    with_redis: Server, somebody: People
) -> None:
    ann, bob = somebody(url=with_redis.url).arrive(), somebody(url=with_redis.url).arrive()
    chatting(ann, bob)
    with_redis.stop()
    ann.sees("The connection is lost.")
    with_redis.start()
    for person in (ann, bob):
        person.reads("Connected again.")
    ann.write("still here")
    bob.reads("still here")


@pytest.mark.parametrize("own_server", [{"SESSION_MAX_S": "20"}], indirect=True)
def test_a_session_that_runs_out_ends_its_chat_and_is_replaced_quietly(own_server: Server, somebody: People) -> None:
    ann, bob = somebody(url=own_server.url).arrive(), somebody(url=own_server.url).arrive()
    one, _ = chatting(ann, bob)
    expect(ann.page.locator("#ended-words")).to_contain_text("A session ran out", timeout=40_000)
    ann.press("Back to the radar")
    until(lambda: ann.handle not in (one, "..."), "no new handle")
    ann.sees("The old session was over. You are here under a new handle.")


def test_panic_without_a_connection_clears_the_screen_and_says_what_is_not_done_yet(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    handle = ann.handle
    bob.sees_on_radar(handle)
    ann.context.set_offline(True)
    ann.sees("You are offline.")
    ann.press("Panic")
    ann.press("Send alert & exit")
    ann.heading("One moment.")
    ann.sees("Not sent yet: no connection. Keep this page open.")
    assert handle not in ann.page.locator("body").inner_text()
    ann.context.set_offline(False)
    ann.heading("You're safe. Session ended.")
    bob.sees_not(handle)


def test_panic_on_a_dead_connection_takes_a_new_one(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    handle = ann.handle
    bob.sees_on_radar(handle)
    ann.page.evaluate(  # the first alarm leaves the page and never arrives
        "const send = WebSocket.prototype.send; let lost = 0;"
        "WebSocket.prototype.send = function (data) {"
        " if (data.includes('panic') && !lost++) return; send.call(this, data); };0"
    )
    ann.press("Panic")
    ann.press("Send alert & exit")
    ann.heading("You're safe. Session ended.")
    ann.sees("Nothing was sent.")
    bob.sees_not(handle)


def test_panic_outlives_a_reload_of_the_page(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    handle = ann.handle
    bob.sees_on_radar(handle)
    ann.page.evaluate("WebSocket.prototype.send = () => {};0")
    ann.press("Panic")
    ann.press("Send alert & exit")
    ann.heading("One moment.")
    ann.page.reload()
    ann.heading("You're safe. Session ended.")
    bob.sees_not(handle)


def routed(somebody: Somebody, handle: Callable[[WebSocketRoute], None]) -> None:
    """From now on every socket of the page goes through `handle`."""
    somebody.page.route_web_socket(re.compile(r"/ws$"), handle)
    somebody.page.reload()


def test_a_server_that_says_it_restarts_is_come_back_to(somebody: People) -> None:
    ann = somebody().arrive()
    handle, sockets = ann.handle, []

    def relay(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    routed(ann, relay)
    expect(ann.page.locator("#link-state")).to_have_text("Connected")
    sockets[-1].close(code=1012)
    until(lambda: bool(ann.page.evaluate("1")) and len(sockets) == 2, "nobody came back")
    expect(ann.page.locator("#link-state")).to_have_text("Connected")
    expect(ann.page.locator("#my-handle")).to_have_text(handle)


def test_each_try_waits_longer_than_the_one_before(somebody: People) -> None:
    ann = somebody().arrive()
    tried: list[float] = []

    def refuse(route: WebSocketRoute) -> None:
        tried.append(time.monotonic())
        if len(tried) < 5:
            route.close(code=1011)
        else:
            route.connect_to_server()

    routed(ann, refuse)
    expect(ann.page.locator("#link-state")).to_have_text("Connected", timeout=40_000)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    least = [0.25, 0.5, 1.0, 2.0]  # half of each wait is fixed, half is chance: no crowd comes back in step
    assert all(gap >= 0.9 * wait for gap, wait in zip(gaps, least, strict=True)), gaps


def test_choices_that_are_no_longer_taken_are_left_out_when_the_session_is_replaced(somebody: People) -> None:
    ann = somebody().arrive()
    one = ann.handle
    ann.page.evaluate(  # a session that is gone, and a tag that staff have retired since
        "const kept = JSON.parse(sessionStorage.getItem('icebreaker'));"
        "sessionStorage.setItem('icebreaker', JSON.stringify("
        "{...kept, token: 'over', profile: {...kept.profile, tags: ['Retired']}}))"
    )
    ann.page.reload()
    ann.sees("You are here under a new handle.")
    until(lambda: ann.handle not in (one, "..."), "no new handle")


def test_an_answer_that_can_not_be_sent_is_said_and_the_request_stays(somebody: People) -> None:
    ann, bob = somebody().arrive(), somebody().arrive()
    ann.ask(bob.handle)
    bob.sees("asks to chat")
    bob.context.set_offline(True)
    bob.sees("You are offline.")
    bob.press(f"Accept the chat with {ann.handle}")
    expect(bob.page.locator("#note-text")).to_contain_text("Not connected.")
    expect(bob.button(f"Accept the chat with {ann.handle}")).to_be_visible()


def test_when_the_server_can_not_be_reached_the_offline_page_waits_for_it(own_server: Server, somebody: People) -> None:
    ann = somebody(url=own_server.url, worker=True)
    ann.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    ann.page.reload()
    kept = ann.page.evaluate(
        """async () => {
          const stores = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
          const requests = await Promise.all(stores.map((store) => store.keys()));
          return requests.flat().map(({url}) => new URL(url).pathname).sort();
        }"""
    )  # no code of the app, which could be stale, and no call
    names = ("app.css", "icons/icon.svg", "offline.js")
    assert kept == ["/offline", *(f"/static/signals/{name}" for name in names)]
    own_server.stop()
    ann.page.reload()
    ann.heading("Offline")
    own_server.start()
    expect(ann.page.get_by_role("heading", level=1, name="Icebreaker")).to_be_visible(timeout=30_000)
