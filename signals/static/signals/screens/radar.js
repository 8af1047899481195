// The radar: who is here, as a list and as a sweep in the same order, and what stands between you and a chat.

import { byId, duration, el, keyed, setText, show } from "../dom.js";
import * as live from "../live.js";
import { SOMEBODY } from "../state.js";
import { createSweep } from "../sweep.js";
import { PLACES, people as count, sharedTags, tier } from "../words.js";
import { openPerson } from "./person.js";

export const vibeLabels = () =>
  Object.fromEntries([...document.querySelectorAll("[name=vibe]")].map((box) => [box.value, box.dataset.label]));

/** The small picture of a vibe, as the form shows it. */
export const vibeIcon = (vibe) => document.querySelector(`[name=vibe][value="${vibe}"] + span svg`)?.cloneNode(true) ?? "";

/** What this person's radar shows: the server's list without those muted here. */
export const shown = (state) => (state.people ?? []).filter((p) => !state.muted.includes(p.sessionId));

export function mount({ store, act }) {
  const labels = vibeLabels();
  const sweep = createSweep(byId("sweep"), (sessionId) => openPerson(sessionId));
  byId("vibe-only").addEventListener("change", (event) => act.onlyMyVibe(event.target.checked));
  byId("place-again").addEventListener("click", () => act.locate());
  byId("show-me").addEventListener("click", () => act.setVisibility(true).catch((error) => act.note(error.message, true)));
  byId("retry-now").addEventListener("click", () => act.retry());
  byId("unmute").addEventListener("click", () => act.unmute());
  byId("people").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const sessionId = button?.closest("li").dataset.key;
    if (button?.dataset.do === "open") openPerson(sessionId);
    if (button?.dataset.do === "ask" && !button.getAttribute("aria-disabled")) act.ask(sessionId);
  });
  byId("requests").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const sessionId = button?.closest("li").dataset.key;
    if (button?.dataset.do === "accept") act.accept(sessionId);
    if (button?.dataset.do === "decline") act.decline(sessionId);
  });

  return (state) => {
    const here = state.screen === "radar";
    const list = shown(state);
    sweep.show(here ? list : null);
    connection(state);
    if (!here) return;
    setText(byId("my-handle"), state.me?.handle ?? "...");
    conditions(state);
    requests(state);
    crowd(state, list, labels);
    if (state.people) live.crowd(list, () => shown(store.get()));
  };
}

const LINKS = {
  idle: "",
  open: "Connected",
  connecting: "Connecting...",
  offline: "Offline",
  waiting: "Reconnecting",
  over: "Not connected",
};

function connection({ link, screen, panic }) {
  const bad = ["offline", "waiting", "over"].includes(link.state) && !panic;
  setText(byId("link-state"), LINKS[link.state]);
  show(byId("link-banner"), bad && ["radar", "chat"].includes(screen));
  if (!bad) return;
  const left = duration(link.retryAt - Date.now());
  const words = {
    offline: "You are offline. What you see may be old. This page comes back by itself.",
    waiting: `The connection is lost. Trying again in ${left}.`,
    over: "This session is open in too many tabs. Close one, then try again.",
  };
  setText(byId("link-words"), words[link.state]);
}

/** What limits this radar, each in words of its own. */
function conditions(state) {
  const cooling = state.cooldownUntil - Date.now();
  show(byId("place-state"), state.place !== "on");
  setText(byId("place-words"), PLACES[state.place] ?? "");
  setText(byId("place-again"), state.place === "off" ? "Enable location" : "Try again");
  show(byId("hidden-state"), state.profile?.visibility === false);
  show(byId("cooling-state"), cooling > 0);
  setText(
    byId("cooling-words"),
    `Several people were not up for it just now. You can ask again in ${duration(cooling)}. Others can still ask you.`,
  );
}

function requests(state) {
  const all = [
    ...state.incoming.map((r) => ({ ...r, incoming: true })),
    ...state.outgoing.map((r) => ({ ...r, incoming: false })),
  ];
  show(byId("requests"), all.length > 0);
  const left = (r) => duration(r.expiresAt - state.skew - Date.now());
  keyed(
    byId("requests-list"),
    all,
    (r) => r.sessionId,
    (r) => (r.incoming ? incoming(r) : el("li", {}, el("p", { class: "words" }))),
    (node, r) => setText(node.querySelector(".words"), r.incoming ? `${left(r)} to answer` : `You asked ${r.handle ?? SOMEBODY}. ${left(r)} left.`),
  );
}

const incoming = (r) =>
  el("li", { class: "incoming" },
    el("p", {}, `${r.handle} asks to chat`),
    el("p", { class: "words soft" }),
    el("div", { class: "row" },
      el("button", { "data-do": "accept", class: "strong", "aria-label": `Accept the chat with ${r.handle}` }, "Accept"),
      el("button", { "data-do": "decline", "aria-label": `Decline the chat with ${r.handle}` }, "Decline")));

function crowd(state, list, labels) {
  const waiting = state.people === null;
  const muted = (state.people?.length ?? 0) - list.length;
  const total = state.total - muted;
  show(byId("loading"), waiting);
  show(byId("empty"), !waiting && list.length === 0);
  setText(byId("empty-title"), state.vibeOnly ? "No one with your vibe \u2014 yet." : "No one here \u2014 yet.");
  show(byId("muted-state"), muted > 0);
  setText(byId("muted-words"), `${count(muted)} muted by you.`);
  setText(byId("people-count"), waiting || !list.length ? "" : total > list.length ? `${list.length} best of ${total}` : count(list.length));
  byId("vibe-only").checked = state.vibeOnly;
  keyed(byId("people"), list, (p) => p.sessionId, row, (node, p) => update(node, p, state, labels));
}

const row = (person) =>
  el("li", { class: "person" },
    el("button", { "data-do": "open", class: "open" },
      el("span", { class: "handle" }),
      el("span", { class: "vibe soft" }, vibeIcon(person.vibe), el("span", { class: "words" })),
      el("span", { class: "near soft" })),
    el("button", { "data-do": "ask", class: "ask" }, "Chat"));

function update(node, person, state, labels) {
  const shared = sharedTags(person, state.profile ?? { tags: [] }).length;
  const common = shared ? `, ${shared} shared ${shared === 1 ? "tag" : "tags"}` : "";
  setText(node.querySelector(".handle"), person.handle);
  setText(node.querySelector(".words"), `${labels[person.vibe] ?? person.vibe}${common}`);
  setText(node.querySelector(".near"), person.busy ? `${tier(person.proximity)} - in a chat` : tier(person.proximity));
  const ask = node.querySelector(".ask");
  const asked = state.outgoing.some((r) => r.sessionId === person.sessionId);
  setText(ask, asked ? "Asked" : "Chat");
  const barred = asked || person.busy || state.cooldownUntil > Date.now() || state.link.state !== "open";
  if (barred) ask.setAttribute("aria-disabled", "true");
  else ask.removeAttribute("aria-disabled");
  ask.setAttribute("aria-label", asked ? `Asked ${person.handle}` : `Chat with ${person.handle}`);
}
