// From welcome to the radar: consent, location, vibe and tags. Each step has one strong action.

import { byId, setText, show } from "../dom.js";

export function mount({ act, given }) {
  const go = (id, screen) => byId(id).addEventListener("click", () => act.go(screen));
  go("press-start", "consent");
  go("not-for-me", "bye");
  go("bye-back", "welcome");
  go("over-again", "welcome");
  go("consent-back", "welcome");
  go("place-back", "consent");
  go("vibe-back", "place");
  byId("place-skip").addEventListener("click", () => act.skipPlace());
  consent(act);
  place(act);
  vibe(act, given.tagsMax);
  let over = false;
  return ({ screen }) => {
    const left = ["bye", "over", "safe"].includes(screen);
    if (left && !over) forget();
    over = left;
  };
}

/** Whoever comes next at this device is asked anew, and sees nothing of what was chosen. */
function forget() {
  for (const form of document.querySelectorAll("form")) form.reset();
  byId("vibe-form").dispatchEvent(new Event("change"));
}

/** Say what is wrong where it is wrong, and bring the focus there. */
function refuse(box, text, field) {
  setText(box, text);
  show(box, Boolean(text));
  if (!field) return;
  field.focus();
}

function consent(act) {
  byId("consent-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const missing = [byId("is-adult"), byId("agrees")].find((box) => !box.checked);
    for (const box of [byId("is-adult"), byId("agrees")]) box.setAttribute("aria-invalid", String(!box.checked));
    if (missing) refuse(byId("consent-error"), "Both are needed: your age and your word.", missing);
    else {
      refuse(byId("consent-error"), "");
      act.go("place");
    }
  });
}

const REFUSED = {
  denied: "Your browser said no. That is fine: skip for now, or allow location in the browser's site settings and try again.",
  unavailable: "Your device could not tell where it is. Try again, or skip for now.",
};

function place(act) {
  const button = byId("place-enable");
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    setText(button, "Asking your browser...");
    const found = await act.locate();
    button.removeAttribute("aria-busy");
    setText(button, "Enable location");
    refuse(byId("place-error"), REFUSED[found] ?? "");
    if (found === "on") act.go("vibe");
  });
}

function vibe(act, most) {
  const form = byId("vibe-form");
  const error = byId("vibe-error");
  const chosen = () => [...form.querySelectorAll("[name=tag]:checked")];
  form.addEventListener("change", (event) => {
    const tags = chosen();
    if (tags.length > most) {
      event.target.checked = false;
      refuse(error, `${most} tags are the most.`);
    } else refuse(error, "");
    setText(byId("tag-count"), `${chosen().length} of ${most} chosen`);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const picked = form.querySelector("[name=vibe]:checked");
    if (!picked) {
      refuse(error, "Choose one vibe first.", form.querySelector("[name=vibe]"));
      return;
    }
    const button = byId("enter");
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const tags = chosen().map((box) => box.value);
      await act.begin({ vibe: picked.value, tags, visibility: byId("visible").checked });
      refuse(error, "");
    } catch (refusal) {
      refuse(error, refusal.message, button);
    }
    button.removeAttribute("aria-busy");
  });
}
