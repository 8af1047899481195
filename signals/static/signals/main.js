// Start: one store, its actions, and every screen drawn from the store.

import { createActions } from "./actions.js";
import { byId, show } from "./dom.js";
import * as live from "./live.js";
import { elapsed } from "./state.js";
import { createStore, looks } from "./store.js";
import * as chat from "./screens/chat.js";
import * as panic from "./screens/panic.js";
import * as person from "./screens/person.js";
import * as profile from "./screens/profile.js";
import * as radar from "./screens/radar.js";
import * as start from "./screens/start.js";

const TITLES = { radar: "Radar", chat: "Chat", ended: "Chat ended", safe: "Done" };
const number = (name) => Number(document.body.dataset[name]);
const given = {
  linesAMinute: number("linesAMinute"),
  textMax: number("textMax"),
  tagsMax: number("tagsMax"),
  mailLeaves: document.body.dataset.mail === "leaves",
};
const store = createStore();
const act = createActions(store, given);
const parts = [start, radar, person, chat, panic, profile].map((part) => part.mount({ store, act, given }));
let drawn = { screen: null, note: null };

/** What the tab is called: who waits for an answer comes first, for those who look at another tab. */
function title({ screen, incoming }) {
  if (screen === "safe") return TITLES.safe;
  const asked = ["radar", "ended"].includes(screen) && incoming.length > 0;
  return [asked && "A request", TITLES[screen], "Icebreaker"].filter(Boolean).join(" - ");
}

/** The tab gives away neither a name nor a picture. */
function blank() {
  for (const icon of document.querySelectorAll("link[rel~=icon]")) icon.href = document.body.dataset.blank;
  for (const link of document.querySelectorAll("link[rel=manifest], link[rel=apple-touch-icon], meta[name=description]")) link.remove();
}

function screens(state) {
  if (document.title !== title(state)) document.title = title(state);
  if (state.screen === drawn.screen) return;
  for (const section of document.querySelectorAll("[data-screen]")) {
    show(section, section.dataset.screen.split(" ").includes(state.screen));
  }
  document.body.dataset.at = state.screen;
  for (const dialog of document.querySelectorAll("dialog[open]:not(#panic-dialog)")) dialog.close();
  if (state.screen === "safe") blank();
  if (state.screen !== "radar") live.quiet();
  if (!["radar", "chat", "ended"].includes(state.screen)) live.hush();
  const moved = drawn.screen !== null;
  drawn.screen = state.screen;
  if (moved) {
    window.scrollTo(0, 0);
    document.querySelector(`[data-screen~="${state.screen}"] h1`)?.focus({ preventScroll: true });
  }
}

function notes({ note, screen }) {
  const box = byId("note");
  show(box, Boolean(note?.text) && !note.aloud && ["radar", "chat", "ended", "bye"].includes(screen));
  if (note?.id === drawn.note) return;
  drawn.note = note?.id;
  byId("note-text").textContent = note?.aloud ? "" : (note?.text ?? "");
  if (note?.text) live.say(note.text, note.urgent);
}

function draw(state) {
  screens(state);
  notes(state);
  for (const part of parts) part(state);
}

byId("note-close").addEventListener("click", () => store.update((s) => ({ ...s, note: null })));
store.subscribe(draw);
looks.show();
setInterval(() => {
  store.update((s) => elapsed(s, Date.now()));
  const s = store.get();
  if (s.link.state === "waiting" || s.incoming.length || s.outgoing.length || s.chat || s.cooldownUntil) store.touch();
}, 1000);

// A page that comes back from the browser's memory must not show what was on it.
window.addEventListener("pagehide", () => {
  if (store.get().chat) byId("chat-lines").replaceChildren();
});
window.addEventListener("pageshow", (event) => event.persisted && location.reload());

await act.resume();
draw(store.get());
document.body.dataset.ready = "yes";

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {}); // only the offline page
const { errors } = document.body.dataset;
if (errors) {
  const load = () => import(errors).catch(() => {}); // the page works without it
  if (window.requestIdleCallback) requestIdleCallback(load, { timeout: 5000 });
  else setTimeout(load, 2000);
}
