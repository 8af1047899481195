// The card of one person: what they chose, what you share, why they stand where they do, and what you can do.

import { byId, el, setText, show } from "../dom.js";
import { sharedTags, tier, why } from "../words.js";
import { vibeLabels } from "./radar.js";

let open = () => {};
/** Show the card of somebody on the radar, or of a partner, who may not be on it: {sessionId, handle}. */
export const openPerson = (sessionId, handle) => open(sessionId, handle);

export function mount({ store, act }) {
  const dialog = byId("person-dialog");
  const labels = vibeLabels();
  let current = null;

  open = (sessionId, handle) => {
    current = { sessionId, handle };
    byId("report-form").reset();
    show(byId("report-form"), false);
    show(byId("report-error"), false);
    draw(store.get());
    if (!dialog.open) dialog.showModal();
  };
  const then = (id, what) =>
    byId(id).addEventListener("click", async () => {
      const { sessionId } = current;
      dialog.close();
      await what(sessionId);
    });
  then("person-ask", (id) => act.ask(id));
  then("person-mute", (id) => act.mute(id));
  then("person-block", (id) => act.block(id));
  byId("person-close").addEventListener("click", () => dialog.close());
  byId("person-report").addEventListener("click", () => {
    show(byId("report-form"), true);
    byId("report-form").querySelector("input").focus();
    byId("report-form").scrollIntoView({ block: "nearest" });
  });
  byId("report-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const category = byId("report-form").querySelector(":checked")?.value;
    if (!category) {
      show(byId("report-error"), true);
      byId("report-form").querySelector("input").focus();
      return;
    }
    dialog.close();
    await act.report(current.sessionId, category);
  });

  function draw(state) {
    if (!current) return;
    const person = state.people?.find((p) => p.sessionId === current.sessionId);
    const talking = state.screen !== "radar";
    setText(byId("person-handle"), person?.handle ?? current.handle ?? "Gone");
    show(byId("person-facts"), Boolean(person));
    show(byId("person-gone"), !person && !talking);
    show(byId("person-ask"), Boolean(person) && !talking);
    show(byId("person-mute"), !talking);
    if (!person || !state.profile) return;
    const cooling = state.cooldownUntil > Date.now();
    const asked = state.outgoing.some((r) => r.sessionId === person.sessionId);
    byId("person-ask").disabled = person.busy || cooling || asked || state.link.state !== "open";
    setText(byId("person-ask"), person.busy ? "In a chat right now" : asked ? "Asked. Waiting..." : "Start chat");
    setText(byId("person-vibe"), labels[person.vibe] ?? person.vibe);
    setText(byId("person-near"), tier(person.proximity));
    setText(byId("person-why"), why(person, state.profile, labels));
    const shared = sharedTags(person, state.profile);
    const words = person.tags.map((tag) => (shared.includes(tag) ? `${tag} (shared)` : tag));
    if (byId("person-tags").dataset.words === words.join()) return;
    byId("person-tags").dataset.words = words.join();
    byId("person-tags").replaceChildren(...(words.length ? words : ["No tags"]).map((word) => el("li", {}, word)));
  }

  return (state) => dialog.open && draw(state);
}
