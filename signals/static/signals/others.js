// What one can do about another person, each as one verb.

import { call } from "./api.js";
import { nameOf } from "./state.js";
import { tab } from "./store.js";
import { BLOCKED, MUTED, REPORTED } from "./words.js";

export function towardsOthers({ get, update }, note, token) {
  async function against(path, sessionId, more, done) {
    try {
      await call("POST", path, { targetSessionId: sessionId, ...more }, token());
      note(done);
    } catch (error) {
      note(error.message, true);
    }
  }

  return {
    async block(sessionId) {
      await against("/api/safety/block", sessionId, {}, BLOCKED);
    },
    async report(sessionId, category) {
      await against("/api/safety/report", sessionId, { category }, REPORTED);
    },
    /** For this session, on this page alone. */
    mute(sessionId) {
      const handle = nameOf(get(), sessionId) ?? "This person";
      update((s) => ({
        ...s,
        muted: [...s.muted, sessionId],
        incoming: s.incoming.filter((r) => r.sessionId !== sessionId),
      }));
      tab.save({ muted: get().muted });
      note(`${handle}: ${MUTED}`);
    },
    unmute() {
      update((s) => ({ ...s, muted: [] }));
      tab.save({ muted: [] });
    },
  };
}
