// What the page knows, and how each notice of the server changes it. Pure: no DOM, no network, no clock.

export const MINUTE_MS = 60_000;
export const SOMEBODY = "somebody"; // whose handle we do not know, after a reload

export const start = () => ({
  screen: "welcome",
  link: { state: "idle", retryAt: 0 },
  away: false, // the connection was lost and is not back
  me: null, // {sessionId, handle, expiresAt}
  profile: null, // {vibe, tags, visibility, contact: whether one is set}
  place: "off", // on, off, denied, unavailable
  people: null, // null until the first answer
  total: 0,
  vibeOnly: false,
  incoming: [],
  outgoing: [],
  answering: null,
  chat: null,
  ended: null,
  cooldownUntil: 0,
  muted: [],
  said: null, // {id, at}: when lines of the chat were said before a reload; never what
  skew: 0, // the server's clock less ours
  resuming: false, // between `connected` and the first radar: what is not told anew by then is gone
  confirmed: false, // the chat was told anew
  panic: null, // null, "sending", {alerted}, "over" or "unsure"
  note: null, // {text, urgent, id}: the last thing worth saying
  lines: 0, // numbers the lines of a chat
});

let notes = 0;
/** Something for screen readers alone: the screen shows it in its own way. */
const aloud = (state, text, urgent = false) => {
  const next = noted(state, text, urgent);
  return { ...next, note: { ...next.note, aloud: true } };
};
export const noted = (state, text, urgent = false) => ({ ...state, note: { text, urgent, id: ++notes } });

/** The state after a notice. Unknown types change nothing. */
export function apply(state, type, payload, now) {
  const handle = NOTICES[type];
  return handle ? handle(state, payload, now) : state;
}

const NOTICES = {
  connected: (s, p) => ({
    ...s,
    me: { sessionId: p.sessionId, handle: p.handle, expiresAt: p.expiresAt },
    incoming: [],
    outgoing: [],
    resuming: true,
    confirmed: false,
  }),

  "radar:update": (s, p, now) => {
    const seen = { ...s, people: p.people, total: p.total, skew: p.timestamp - now, resuming: false };
    const outgoing = s.outgoing.map((r) => ({ ...r, handle: r.handle ?? nameOf(seen, r.sessionId) ?? null }));
    const next = { ...seen, outgoing };
    return s.resuming && s.chat && !s.confirmed ? ended(next, "missed") : next;
  },

  "chat:request": (s, p) => {
    if (s.muted.includes(p.fromSessionId)) return s;
    const request = { sessionId: p.fromSessionId, handle: p.fromHandle, expiresAt: p.expiresAt };
    return aloud({ ...s, incoming: [...without(s.incoming, p.fromSessionId), request] }, `${p.fromHandle} asks to chat.`, true);
  },

  "chat:request:ack": (s, p) => {
    const request = { sessionId: p.targetSessionId, handle: nameOf(s, p.targetSessionId), expiresAt: p.expiresAt };
    const next = { ...s, outgoing: [...without(s.outgoing, p.targetSessionId), request] };
    return s.resuming ? next : aloud(next, `You asked ${request.handle ?? SOMEBODY}. Waiting for an answer.`);
  },

  "chat:request:expired": (s, p) => {
    const mine = s.outgoing.find((r) => r.sessionId === p.targetSessionId);
    const theirs = s.incoming.find((r) => r.sessionId === p.fromSessionId);
    const next = {
      ...s,
      outgoing: without(s.outgoing, p.targetSessionId),
      incoming: without(s.incoming, p.fromSessionId),
    };
    if (mine) return noted(next, `No answer from ${mine.handle ?? SOMEBODY}. The request is over.`);
    return theirs ? noted(next, `The request of ${theirs.handle} is over.`) : next;
  },

  "chat:declined": (s, p) =>
    noted(
      { ...s, outgoing: without(s.outgoing, p.targetSessionId) },
      `${nameOf(s, p.targetSessionId) ?? "This person"} is not up for it now. That is fine.`,
    ),

  "chat:accepted": (s, p) => {
    if (s.chat?.id === p.chatId) return s.resuming ? back(s) : s;
    const chat = {
      id: p.chatId,
      partnerId: p.partnerSessionId,
      handle: p.partnerHandle,
      weak: false,
      lines: [],
      said: s.said?.id === p.chatId ? s.said.at : [], // by both sides: the limit is the chat's
      waitUntil: 0,
    };
    const next = { ...s, chat, said: null, ended: null, incoming: [], outgoing: [], answering: null, confirmed: true, screen: "chat" };
    if (s.resuming) return told(next, "You are back in the chat. Earlier lines were not kept anywhere.");
    return aloud(next, `You are in a chat with ${p.partnerHandle}.`, true);
  },

  "chat:message": (s, p) => {
    if (!s.chat) return s;
    const line = { sender: p.sender, text: p.text, at: p.timestamp, status: "sent" };
    const said = [...s.chat.said.filter((at) => p.timestamp - at < MINUTE_MS), p.timestamp];
    const counted = { ...s, chat: { ...s.chat, said } };
    if (p.sender === "them") return added(counted, line);
    const waiting = s.chat.lines.find((l) => l.sender === "me" && l.status !== "sent" && l.text === p.text);
    return waiting ? changed(counted, waiting.id, { at: p.timestamp, status: "sent" }) : added(counted, line);
  },

  "chat:warning": (s, p) => {
    const weak = p.reason === "signal_weak";
    if (!s.chat || s.chat.weak === weak) return s;
    const next = { ...s, chat: { ...s.chat, weak } };
    return weak ? aloud(next, "Signal weak. Out of range, the chat ends.", true) : told(next, "The signal is back.");
  },

  "chat:end": (s, p) => (s.chat ? ended(s, p.reason) : s),

  "panic:triggered": (s, p) => ({ ...wiped(s), screen: "safe", panic: { alerted: p.contactAlerted } }),

  error: (s, p, now) => (ERRORS[p.code] ?? sayIt)(s, p, now),
};

const sayIt = (s, p) => noted(s, p.message, true);
const notAnswerable = (s, p) => noted({ ...s, incoming: without(s.incoming, s.answering), answering: null }, p.message, true);
const quiet = (s) => s; // the close code that follows says the same

const ERRORS = {
  cooldown_active: (s, p, now) =>
    noted({ ...s, cooldownUntil: now + p.cooldownRemainingMs }, "You can ask for chats again in a while.", true),
  chat_accept_failed: notAnswerable,
  chat_decline_failed: notAnswerable,
  no_active_chat: (s) => (s.chat ? ended(s, "missed") : s),
  message_too_long: (s, p) => refused(s, p, 0),
  chat_message_failed: (s, p) => refused(s, p, 0),
  rate_limit_exceeded: (s, p, now) => refused(s, p, now + (p.retryAfterMs ?? 1000)),
  missing_token: quiet,
  invalid_token: quiet,
  token_expired: quiet,
  session_not_found: quiet,
  connection_limit_exceeded: quiet,
};

/** The oldest line that waits for its echo was refused. A refused position concerns nobody but place.js. */
function refused(s, p, waitUntil) {
  const line = s.chat?.lines.find((l) => l.status === "pending");
  if (!line) return s;
  return changed({ ...noted(s, p.message, true), chat: { ...s.chat, waitUntil } }, line.id, { status: "refused" });
}

const without = (requests, sessionId) => requests.filter((r) => r.sessionId !== sessionId);

export function nameOf(s, sessionId) {
  const known = [...(s.people ?? []), ...s.outgoing, ...s.incoming].find((p) => p.sessionId === sessionId);
  return known?.handle ?? null;
}

/** The chat is over: its text goes from memory at once. */
export function ended(s, reason) {
  const { partnerId, handle } = s.chat;
  return { ...s, chat: null, ended: { reason, partnerId, handle }, screen: s.screen === "chat" ? "ended" : s.screen };
}

export const written = (s, text, at) => added(s, { sender: "me", text, at, status: "pending" });

export function taken(s, id) {
  return { ...s, chat: { ...s.chat, lines: s.chat.lines.filter((l) => l.id !== id) } };
}

function added(s, line) {
  const id = s.lines + 1;
  return { ...s, lines: id, chat: { ...s.chat, lines: [...s.chat.lines, { ...line, id }] } };
}

function changed(s, id, fields) {
  const lines = s.chat.lines.map((l) => (l.id === id ? { ...l, ...fields } : l));
  return { ...s, chat: { ...s.chat, lines } };
}

const told = (s, text) => added(s, { sender: "page", text, at: null, status: "sent" });

/** Connected again within the same chat: what was on its way may or may not have arrived, and we say so. */
function back(s) {
  const lines = s.chat.lines.map((l) => (l.status === "pending" ? { ...l, status: "unsure" } : l));
  const next = { ...s, confirmed: true, chat: { ...s.chat, lines, weak: false } }; // told again if it still is
  return told(next, "Connected again. Lines written while you were away may be missing.");
}

/** Nothing of people or chats is left. */
export const wiped = (s) => ({ ...start(), link: s.link, screen: s.screen, panic: s.panic });

/** How many lines this chat may still see this minute, of `aMinute` for both sides, and when the next may if none. */
export function allowance(chat, now, aMinute) {
  const recent = chat.said.filter((at) => now - at < MINUTE_MS);
  const under = chat.lines.filter((l) => l.status === "pending").length;
  const full = recent.length >= aMinute ? recent[recent.length - aMinute] + MINUTE_MS : 0;
  const until = Math.max(chat.waitUntil, full);
  return { left: until > now ? 0 : Math.max(0, aMinute - recent.length - under), until };
}

const LOST = ["waiting", "offline"];
/** The state with a connection that changed; a loss and a return are said aloud once, not every try. */
export function linked(s, link) {
  const next = { ...s, link };
  if (s.screen === "safe") return next;
  if (s.link.state === "open" && LOST.includes(link.state)) return aloud({ ...next, away: true }, "The connection is lost.", true);
  if (link.state !== "open" || !s.away) return next;
  return s.chat ? { ...next, away: false } : aloud({ ...next, away: false }, "Connected again.");
}

/** Requests whose time has passed are gone even if no notice came. */
export function elapsed(s, now) {
  const open = (r) => r.expiresAt - s.skew + 1500 > now;
  if (s.incoming.every(open) && s.outgoing.every(open)) return s;
  return { ...s, incoming: s.incoming.filter(open), outgoing: s.outgoing.filter(open) };
}
