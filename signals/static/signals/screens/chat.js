// The chat, like a terminal. Its text lives in the store and on this screen while it lasts, and nowhere after.

import { byId, characters, duration, el, keyed, setText, show } from "../dom.js";
import { TEXT_MAX, allowance } from "../state.js";
import { ENDINGS, clock } from "../words.js";
import { openPerson } from "./person.js";

const STATUS = {
  pending: "sending...",
  refused: "Not sent.",
  unsure: "Not confirmed: it may or may not have arrived.",
};

export function mount({ store, act }) {
  const form = byId("chat-form");
  const box = byId("chat-text");
  const send = () => {
    const text = box.value.trim();
    const full = characters(text);
    if (!text || full > TEXT_MAX) return;
    if (act.write(text)) box.value = "";
    limits(store.get());
    box.focus();
  };
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
      return;
    }
    setText(byId("chat-handle"), chat.handle);
    show(byId("chat-weak"), chat.weak);
    const log = byId("chat-log");
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    keyed(byId("chat-lines"), chat.lines, (line) => `${chat.id}-${line.id}`, () => el("li"), (node, line) => draw(node, line, chat));
    if (chat.lines.length !== lines && (low || chat.lines.at(-1)?.sender === "me")) log.scrollTop = log.scrollHeight;
    lines = chat.lines.length;
    limits(state);
  };
}

function draw(node, line, chat) {
  const looks = `${line.status} ${line.at}`;
  if (node.dataset.looks === looks) return;
  node.dataset.looks = looks;
  node.className = line.sender;
  if (line.sender === "page") {
    node.replaceChildren(line.text);
    return;
  }
  const who = line.sender === "me" ? "you" : chat.handle;
  const parts = [el("time", { class: "soft" }, clock(line.at)), " ", el("b", {}, `${who}:`), " ", el("span", {}, line.text)];
  if (STATUS[line.status]) parts.push(" ", el("em", { class: "soft" }, STATUS[line.status]));
  if (["refused", "unsure"].includes(line.status)) parts.push(" ", el("button", { class: "small" }, "Send again"));
  node.replaceChildren(...parts);
}

/** Say how much is left before a limit is met, not after. */
function limits(state) {
  const { chat, link, skew } = state;
  if (!chat) return;
  const used = characters(byId("chat-text").value.trim());
  const now = Date.now() + skew;
  const { left, until } = allowance(chat, now);
  const words = [];
  if (used > TEXT_MAX) words.push(`${used - TEXT_MAX} characters too long.`);
  else if (used > TEXT_MAX - 200) words.push(`${TEXT_MAX - used} characters left.`);
  if (left < 1) words.push(`Ten lines a minute. The next in ${duration(until - now)}.`);
  else if (left <= 3) words.push(`${left} ${left === 1 ? "line" : "lines"} left this minute.`);
  if (link.state !== "open") words.push("Not connected: your text waits here.");
  setText(byId("chat-limits"), words.join(" "));
  const send = byId("chat-send");
  const barred = used > TEXT_MAX || left < 1 || link.state !== "open";
  if (barred) send.setAttribute("aria-disabled", "true");
  else send.removeAttribute("aria-disabled");
  byId("chat-text").setAttribute("aria-invalid", String(used > TEXT_MAX));
}
