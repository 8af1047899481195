// The chat, like a terminal. Its text lives in the store and on this screen while it lasts, and nowhere after.

import { byId, characters, duration, el, keyed, setText, show } from "../dom.js";
import { allowance } from "../state.js";
import { ENDINGS, clock } from "../words.js";
import { openPerson } from "./person.js";

const STATUS = {
  pending: "sending...",
  refused: "Not sent.",
  unsure: "Not confirmed: it may or may not have arrived.",
};

export function mount({ store, act, given: { textMax, linesAMinute } }) {
  const form = byId("chat-form");
  const box = byId("chat-text");
  const send = () => {
    const text = box.value.trim();
    if (!text || characters(text) > textMax) return;
    if (act.write(text)) box.value = "";
    limits(store.get());
    box.focus();
  };
  const limits = (state) => state.chat && tell(state, textMax, linesAMinute);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  box.addEventListener("input", () => limits(store.get()));
  byId("chat-lines").addEventListener("click", (event) => {
    const line = event.target.closest("button")?.closest("li");
    if (line) act.writeAgain(Number(line.dataset.key.split("-").pop()));
  });
  byId("chat-leave").addEventListener("click", () => act.endChat());
  byId("chat-person").addEventListener("click", () => {
    const { chat } = store.get();
    if (chat) openPerson(chat.partnerId, chat.handle);
  });
  byId("ended-person").addEventListener("click", () => {
    const { ended } = store.get();
    if (ended) openPerson(ended.partnerId, ended.handle);
  });
  byId("ended-back").addEventListener("click", () => act.go("radar"));

  let lines = 0;
  return (state) => {
    const { chat } = state;
    if (!chat) {
      lines = 0;
      if (byId("chat-lines").firstChild) byId("chat-lines").replaceChildren();
      if (box.value) box.value = "";
      if (state.ended) setText(byId("ended-words"), ENDINGS[state.ended.reason] ?? ENDINGS.user_exit);
      const asked = state.incoming.at(-1);
      show(byId("ended-asked"), Boolean(asked));
      if (asked) setText(byId("ended-asked"), `${asked.handle} asks to chat: answer on the radar.`);
      return;
    }
    setText(byId("chat-handle"), chat.handle);
    show(byId("chat-weak"), chat.weak);
    const log = byId("chat-log");
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    keyed(byId("chat-lines"), chat.lines, (line) => `${chat.id}-${line.id}`, (line) => row(line, chat), draw);
    if (chat.lines.length !== lines && (low || chat.lines.at(-1)?.sender === "me")) log.scrollTop = log.scrollHeight;
    lines = chat.lines.length;
    limits(state);
  };
}

function row(line, chat) {
  if (line.sender === "page") return el("li", { class: "page" }, line.text);
  const who = line.sender === "me" ? "you" : chat.handle;
  const parts = [el("time", { class: "soft" }), " ", el("b", {}, `${who}:`), " ", el("span", {}, line.text)];
  return el("li", { class: line.sender }, ...parts, " ", el("em", { class: "soft" }), " ", el("button", { class: "small", hidden: true }, "Send again"));
}

/** A line changes in place: what was read aloud once is not read again. */
function draw(node, line) {
  if (line.sender === "page") return;
  setText(node.querySelector("time"), clock(line.at));
  setText(node.querySelector("em"), STATUS[line.status] ?? "");
  show(node.querySelector("button"), ["refused", "unsure"].includes(line.status));
}

/** Say how much is left before a limit is met, not after. */
function tell({ chat, link, skew }, textMax, linesAMinute) {
  const used = characters(byId("chat-text").value.trim());
  const now = Date.now() + skew;
  const { left, until } = allowance(chat, now, linesAMinute);
  const words = [];
  if (used > textMax) words.push(`${used - textMax} ${used - textMax === 1 ? "character" : "characters"} too long.`);
  else if (used > textMax - 200) words.push(`${textMax - used} characters left.`);
  if (until > now) words.push(`${linesAMinute} lines a minute for both of you. The next in ${duration(until - now)}.`);
  else if (left <= 3) words.push(`${left} ${left === 1 ? "line" : "lines"} left this minute for both of you.`);
  if (link.state !== "open") words.push("Not connected: your text waits here.");
  setText(byId("chat-limits"), words.join(" "));
  const barred = used > textMax || left < 1 || link.state !== "open";
  if (barred) byId("chat-send").setAttribute("aria-disabled", "true");
  else byId("chat-send").removeAttribute("aria-disabled");
  byId("chat-text").setAttribute("aria-invalid", String(used > textMax));
}
