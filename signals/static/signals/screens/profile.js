// The profile: visibility, emergency contact, looks, and the way out.

import { byId, setText, show } from "../dom.js";
import { looks } from "../store.js";

const SAVED = "Saved for this session. Panic writes to this address.";
const SAVED_IN_VAIN = "Saved for this session, but this server sends no mail yet: panic would reach nobody.";

export function mount({ store, act, given }) {
  const dialog = byId("profile-dialog");
  const said = byId("profile-said");
  const tell = (text, bad = false) => {
    setText(said, text);
    said.classList.toggle("bad", bad);
    show(said, Boolean(text));
  };
  const trying = async (what, done) => {
    try {
      await what();
      tell(done);
      return true;
    } catch (error) {
      tell(error.message, true);
      return false;
    }
  };

  for (const button of document.querySelectorAll("[data-profile]")) {
    button.addEventListener("click", () => {
      tell("");
      fill(store.get());
      dialog.showModal();
      store.touch();
    });
  }
  byId("profile-close").addEventListener("click", () => dialog.close());
  byId("profile-visible").addEventListener("change", async (event) => {
    const visible = event.target.checked;
    const done = visible ? "You are on the radar of others." : "You are hidden. You still see others.";
    if (!(await trying(() => act.setVisibility(visible), done))) event.target.checked = !visible;
  });
  byId("contact-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const contact = byId("contact").value.trim();
    if (!contact) {
      tell("Write an e-mail address first.", true);
      byId("contact").focus();
      return;
    }
    if (await trying(() => act.setContact(contact), given.mailLeaves ? SAVED : SAVED_IN_VAIN)) {
      byId("contact").value = "";
    }
  });
  byId("contact-delete").addEventListener("click", () => trying(() => act.setContact(null), "Deleted."));
  byId("still").addEventListener("change", (event) => looks.save({ motion: event.target.checked }));
  byId("contrast").addEventListener("change", (event) => looks.save({ contrast: event.target.checked }));
  byId("leave").addEventListener("click", () => {
    dialog.close();
    act.leave();
  });

  function fill(state) {
    const { motion, contrast } = looks.load();
    byId("still").checked = Boolean(motion);
    byId("contrast").checked = Boolean(contrast);
    byId("profile-visible").checked = state.profile?.visibility ?? true;
  }

  return ({ profile, me }) => {
    if (!dialog.open) return;
    setText(byId("profile-handle"), me?.handle ?? "");
    show(byId("contact-set"), Boolean(profile?.contact));
    show(byId("contact-delete"), Boolean(profile?.contact));
  };
}
