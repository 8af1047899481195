// Panic: one question, then a page that tells nobody anything. Escape asks it from anywhere on radar and chat.

import { byId, setText } from "../dom.js";

const NO_MAIL = "This server sends no mail, so nobody is alerted.";
const NO_CONTACT = "No emergency contact is set, so nobody is alerted.";

export function mount({ store, act, given }) {
  const dialog = byId("panic-dialog");
  const ask = () => {
    const { profile, place } = store.get();
    const area = place === "on" ? "the time and your rough area (about a kilometre)" : "the time";
    const mail = given.mailLeaves ? `Your emergency contact gets a mail with ${area}.` : NO_MAIL;
    const alert = profile?.contact ? mail : NO_CONTACT;
    setText(byId("panic-words"), `${alert} Your session ends at once.`);
    if (!dialog.open) dialog.showModal();
    byId("panic-go").focus();
  };
  for (const button of document.querySelectorAll("[data-panic]")) button.addEventListener("click", ask);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
    if (!["radar", "chat", "ended"].includes(store.get().screen)) return;
    event.preventDefault();
    ask();
  });
  byId("panic-go").addEventListener("click", () => {
    dialog.close();
    act.panic();
  });
  byId("panic-no").addEventListener("click", () => dialog.close());
  byId("safe-leave").addEventListener("click", () => location.replace("about:blank"));

  return ({ panic, screen, link }) => {
    if (screen !== "safe") return;
    const sending = panic === "sending";
    setText(byId("safe-title"), sending ? "One moment." : "You're safe. Session ended.");
    setText(byId("safe-words"), sending ? waiting(link) : result(panic));
  };
}

const waiting = (link) =>
  ["offline", "waiting"].includes(link.state) ? "Not sent yet: no connection. Keep this page open." : "Sending.";

function result(panic) {
  if (panic === "unsure") return "Whether your message went out could not be confirmed.";
  if (panic === "over") return "It was over already. Nothing was sent.";
  return panic?.alerted ? "Your message is on its way." : "Nothing was sent.";
}
