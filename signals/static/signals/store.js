// One state, its listeners, and what of it survives a reload of this tab.

import { start } from "./state.js";

const KEY = "icebreaker";

export function createStore() {
  let state = start();
  const listeners = [];
  let queued = false;
  const tell = () => {
    queued = false;
    for (const listener of listeners) listener(state);
  };
  return {
    get: () => state,
    /** `change` gives the next state; listeners are told once for all changes of a turn. */
    update(change) {
      const next = change(state);
      if (next === state) return;
      state = next;
      if (!queued) {
        queued = true;
        queueMicrotask(tell);
      }
    },
    touch() {
      tell();
    },
    subscribe: (listener) => listeners.push(listener),
  };
}

/** Bound to the tab, never a position, a chat line or a contact: {token, profile, place, muted, said, cooldownUntil, panic}. */
export const tab = {
  load() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    } catch {
      return {}; // storage is switched off, or holds something that isn't ours
    }
  },
  save(fields) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ ...tab.load(), ...fields }));
    } catch {
      // without storage a reload starts over, nothing worse
    }
  },
  clear() {
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // nothing was kept then
    }
  },
};

const LOOKS = "icebreaker-looks";

/** Reduced motion and high contrast: a taste of the device, so it stays. */
export const looks = {
  load() {
    try {
      return JSON.parse(localStorage.getItem(LOOKS)) ?? {};
    } catch {
      return {};
    }
  },
  save(fields) {
    const next = { ...looks.load(), ...fields };
    try {
      localStorage.setItem(LOOKS, JSON.stringify(next));
    } catch {
      // it holds until the page is left
    }
    looks.show(next);
  },
  /** As if nobody had been here; what is shown stays as it is. */
  forget() {
    try {
      localStorage.removeItem(LOOKS);
    } catch {
      // nothing was kept then
    }
  },
  show({ motion, contrast } = looks.load()) {
    const root = document.documentElement;
    root.classList.toggle("still", Boolean(motion));
    root.classList.toggle("contrast", Boolean(contrast));
  },
};
