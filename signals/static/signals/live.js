// What a screen reader hears: arrivals summed up every ten seconds at most, requests and endings at once.

import { byId } from "./dom.js";
import { people } from "./words.js";

const EVERY_MS = 10_000;
let seen = null;
let spokenAt = 0;
let timer = 0;

const speaking = {};

export function say(text, urgent = false) {
  const region = byId(urgent ? "live-now" : "live");
  region.textContent = "";
  clearTimeout(speaking[region.id]);
  speaking[region.id] = setTimeout(() => {
    region.textContent = text;
  }, 50); // an emptied region that fills again is read even when the words are the same
}

/** Tell who came and went since the last time, without a flood. `now` is the list that the page shows. */
export function crowd(shown, current = () => shown) {
  if (seen === null) {
    seen = new Set(shown.map((p) => p.sessionId));
    spokenAt = Date.now();
    say(shown.length ? `${people(shown.length)} on the radar.` : "No one here, yet.");
    return;
  }
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    const here = new Set(current().map((p) => p.sessionId));
    const arrived = [...here].filter((id) => !seen.has(id)).length;
    const left = [...seen].filter((id) => !here.has(id)).length;
    seen = here;
    spokenAt = Date.now();
    const parts = [arrived && `${people(arrived)} arrived`, left && `${people(left)} left`].filter(Boolean);
    if (parts.length) say(`${parts.join(", ")}. ${people(here.size)} on the radar.`);
  }, Math.max(0, spokenAt + EVERY_MS - Date.now()));
}

/** What was said last is gone too: nobody who looks later reads it. */
export function hush() {
  for (const name of ["live", "live-now"]) {
    clearTimeout(speaking[name]);
    byId(name).textContent = "";
  }
}

export function quiet() {
  clearTimeout(timer);
  timer = 0;
  seen = null;
}
