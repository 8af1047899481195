// What a person can do, each as one verb. Screens call these; nothing here touches a screen.

import { ApiError, call } from "./api.js";
import { towardsOthers } from "./others.js";
import * as place from "./place.js";
import { Link } from "./socket.js";
import { allowance, apply, ended, linked, noted, start, taken, wiped, written } from "./state.js";
import { looks, tab } from "./store.js";
import { NO_LINK, UNHEARD } from "./words.js";

const PANIC_PATIENCE_MS = 5000;
const ECHO_PATIENCE_MS = 5000;
const QUIET_ARRIVALS = 3; // in ten minutes; then the person decides

/** `linesAMinute`: the server's limit for both sides of a chat together. */
export function createActions(store, { linesAMinute }) {
  let token = null;
  let quietly = [];
  let again = 0; // the timer of the next try to arrive
  let asking = 0; // numbers the questions to the browser where we are
  const { get, update } = store;
  const note = (text, urgent) => update((s) => noted(s, text, urgent));

  const link = new Link({
    onFrame(type, payload) {
      const waiting = get().chat?.lines.some((l) => l.status === "pending");
      if (type === "error" && payload.code === "rate_limit_exceeded" && !waiting) place.refused(payload.retryAfterMs ?? 1000);
      update((s) => (s.panic && type !== "panic:triggered" ? s : apply(s, type, payload, Date.now())));
      if (type === "panic:triggered") gone();
      if (type.startsWith("chat:")) keepTimes();
      if (payload.code === "cooldown_active") tab.save({ cooldownUntil: get().cooldownUntil });
    },
    onState(state, { retryAt = 0, code = 0 }) {
      update((s) => linked(s, { state, retryAt, code }));
      if (state === "open") opened();
      if (state === "over") over(code);
    },
    isChatting: () => Boolean(get().chat),
  });
  link.subscription = () => ({ limit: 50, vibeOnly: get().vibeOnly });
  const subscribe = () => link.send("radar:subscribe", link.subscription());

  function opened() {
    if (get().panic) {
      alarm();
      return;
    }
    subscribe();
    if (get().place === "on") followPlace();
  }

  /** When lines were said, so that a reload forgets no limit. */
  function keepTimes() {
    const { chat } = get();
    tab.save({ said: chat && { id: chat.id, at: chat.said } });
  }

  function followPlace() {
    place.follow((point) => link.send("location:update", point), (why) => update((s) => ({ ...s, place: why })));
  }

  /** Press panic at the server. No answer means a dead connection: a new one tries again. */
  function alarm() {
    if (!link.send("panic:trigger")) {
      link.now();
      return;
    }
    tab.save({ panic: "sent" });
    setTimeout(() => get().panic === "sending" && link.renew(), PANIC_PATIENCE_MS);
  }

  /** The server closed for a reason of its own. */
  function over(code) {
    if (get().panic) {
      const outcome = tab.load().panic === "sent" ? "unsure" : "over";
      gone();
      update((s) => ({ ...s, panic: s.panic === "sending" ? outcome : s.panic, screen: "safe" }));
    } else if (code === 4404 || code === 4401) {
      arriveAgain();
    } else if (code === 1000) {
      gone();
      update((s) => ({ ...wiped(s), screen: "over" }));
    } else note("This session is open in too many tabs. Close one, then try again.", true);
  }

  /** The session is gone, the person is not: onboard with the same choices, under a new handle. */
  async function arriveAgain() {
    const { profile } = get();
    const now = Date.now();
    clearTimeout(again);
    again = 0;
    quietly = [...quietly.filter((at) => now - at < 600_000), now];
    if (!profile || quietly.length > QUIET_ARRIVALS) {
      gone();
      update((s) => ({ ...wiped(s), screen: "over" }));
      return;
    }
    update((s) => {
      const next = s.chat ? ended(s, "restarted") : s;
      return { ...next, incoming: [], outgoing: [], muted: [], cooldownUntil: 0 };
    });
    try {
      await arrive(profile);
      const contact = profile.contact ? " Your emergency contact went with it: please set it again in your profile." : "";
      note(`The old session was over. You are here under a new handle.${contact}`, true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 400) {
        refusedAgain(profile);
        return;
      }
      const retryAt = Date.now() + Math.max(5000, error.retryAfterMs);
      update((s) => ({ ...s, link: { state: "waiting", retryAt, code: 0 } }));
      again = setTimeout(arriveAgain, Math.max(5000, error.retryAfterMs));
      quietly.pop();
    }
  }

  /** The choices are no longer taken: a tag may have been retired, so once more without any. */
  function refusedAgain(profile) {
    if (profile.tags.length) {
      update((s) => ({ ...s, profile: { ...profile, tags: [] } }));
      arriveAgain();
    } else {
      gone();
      update((s) => ({ ...wiped(s), screen: "over" }));
    }
  }

  async function arrive({ vibe, tags, visibility }) {
    const body = { vibe, tags, visibility };
    const point = get().place === "on" ? place.known() : null;
    if (point) body.location = point;
    const session = await call("POST", "/api/onboarding", body);
    token = session.token;
    const profile = { vibe, tags, visibility, contact: false };
    tab.save({ token, profile, place: get().place, muted: [] });
    update((s) => ({ ...s, profile, me: { sessionId: session.sessionId, handle: session.handle } }));
    link.open(token);
  }

  /** Close everything that knows this session. */
  function gone() {
    clearTimeout(again);
    again = 0;
    link.close();
    place.forget();
    tab.clear();
    token = null;
  }

  const put = (path, body) => call("PUT", path, body, token);
  const remember = (fields) => {
    update((s) => ({ ...s, profile: { ...s.profile, ...fields } }));
    tab.save({ profile: get().profile });
  };

  return {
    go: (screen) => update((s) => ({ ...s, screen, ended: screen === "ended" ? s.ended : null })),
    note,
    retry() {
      if (again) arriveAgain();
      else if (get().link.state === "over") link.open(token);
      else link.now(true);
    },

    /** Ask the browser where we are; an answer that comes after somebody chose to skip is not used. */
    async locate() {
      const asked = ++asking;
      const found = await place.locate();
      if (asked !== asking) return "skipped";
      update((s) => ({ ...s, place: found }));
      if (token) {
        tab.save({ place: found });
        if (found === "on") followPlace();
      }
      return found;
    },
    skipPlace() {
      asking += 1;
      place.forget();
      update((s) => ({ ...s, place: s.place === "on" ? "off" : s.place, screen: "vibe" }));
    },

    async begin(profile) {
      await arrive(profile);
      update((s) => ({ ...s, screen: "radar" }));
    },

    /** After a reload: the same session, if this tab still has one. Whether it had. */
    async resume() {
      const kept = tab.load();
      if (!kept.token) return false;
      token = kept.token;
      const where = kept.place ?? "off";
      const { profile, muted = [], cooldownUntil = 0, said = null } = kept;
      update((s) => ({ ...s, profile, muted, cooldownUntil, said, place: where, screen: "radar" }));
      if (kept.panic) update((s) => ({ ...s, panic: "sending", screen: "safe" }));
      else if (where === "on") this.locate();
      link.open(token);
      return true;
    },

    onlyMyVibe(vibeOnly) {
      update((s) => ({ ...s, vibeOnly }));
      subscribe();
    },

    ask(sessionId) {
      if (!link.send("chat:request", { targetSessionId: sessionId })) note(NO_LINK, true);
    },
    accept(sessionId) {
      if (!link.send("chat:accept", { requesterSessionId: sessionId })) {
        note(NO_LINK, true);
        return;
      }
      update((s) => ({ ...s, answering: sessionId }));
    },
    decline(sessionId) {
      if (!link.send("chat:decline", { requesterSessionId: sessionId })) {
        note(NO_LINK, true);
        return;
      }
      update((s) => ({
        ...s,
        answering: sessionId,
        incoming: s.incoming.filter((r) => r.sessionId !== sessionId),
      }));
    },

    /** Whether the line is on its way; otherwise it stays in the composer. */
    write(text) {
      const { chat, skew } = get();
      const now = Date.now() + skew;
      if (!chat || allowance(chat, now, linesAMinute).left < 1) return false;
      if (!link.send("chat:message", { text })) return false;
      update((s) => written(s, text, now));
      const { id } = get().chat.lines.at(-1);
      const silent = () => get().chat?.lines.some((l) => l.id === id && l.status === "pending");
      setTimeout(() => silent() && link.probe(), ECHO_PATIENCE_MS);
      return true;
    },
    writeAgain(id) {
      const line = get().chat?.lines.find((l) => l.id === id);
      if (line && this.write(line.text)) update((s) => taken(s, id));
      else note("Not yet. Please wait a moment.", true);
    },
    endChat() {
      if (!link.send("chat:end")) note("Not connected. The chat ends by itself if the connection stays away.", true);
    },

    ...towardsOthers(store, note, () => token),

    async setVisibility(visibility) {
      await put("/api/profile/visibility", { visibility });
      remember({ visibility });
    },
    async setContact(emergencyContact) {
      const said = await put("/api/profile/emergency-contact", { emergencyContact });
      remember({ contact: Boolean(said.emergencyContact) });
    },

    /** The screen is clean at once; the alert follows as soon as the server can be reached. */
    panic() {
      tab.save({ panic: "pressed" });
      looks.forget();
      place.forget();
      update((s) => ({ ...wiped(s), screen: "safe", panic: "sending" }));
      alarm();
    },

    /** Hidden at once, the chat ended, the contact deleted, everything of this tab forgotten. */
    async leave() {
      if (get().chat) link.send("chat:end");
      const contact = get().profile?.contact;
      const hidden = put("/api/profile/visibility", { visibility: false });
      const forgotten = contact ? put("/api/profile/emergency-contact", { emergencyContact: null }) : null;
      const said = await Promise.allSettled([hidden, forgotten]);
      const unheard = said.some(({ reason }) => reason && reason.status !== 401);
      gone();
      update(() => noted({ ...start(), screen: "bye" }, unheard ? UNHEARD : "", unheard));
    },
  };
}
