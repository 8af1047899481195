// Every sentence that depends on what the server said. Plain, calm, short.

export const TIERS = { room: "Same room", venue: "Same place", nearby: "Nearby" };
export const tier = (proximity) => TIERS[proximity] ?? "Distance unknown";

const CLOSENESS = { room: "are in the same room", venue: "are in the same place", nearby: "are near each other" };

export const ENDINGS = {
  user_exit: "The chat has ended. One of you said goodbye.",
  proximity_lost: "Out of range. The chat ended because you are too far apart now.",
  partner_left: "The other person is gone. Their connection did not come back.",
  session_expired: "A session ran out, and the chat with it.",
  user_blocked: "You blocked this person. The chat is over, and neither of you sees the other any more.",
  panic: "The chat has ended.",
  missed: "The chat ended while you were away.",
  restarted: "The session was over when you came back, and the chat with it.",
};

export const PLACES = {
  off: "Location is off. You see everybody who is here, without a distance.",
  denied: "Your browser blocks location for this page. Allow it in the browser's site settings, then try again. "
    + "Until then you see people without a distance.",
  unavailable: "Your device could not tell where it is. You see people without a distance.",
};

export const NO_LINK = "Not connected. Please wait a moment, then try again.";
export const UNHEARD = "The server could not be reached, so others may still read your handle there for up to an hour.";
export const REPORTED = "Reported. Thank you. The report keeps the category and the time, nothing of what was said.";
export const BLOCKED = "Blocked. Neither of you sees the other any more.";
export const MUTED = "Muted for this session. They are not told.";

/** Why this person stands where they stand, from what both chose and how near they are. */
export function why(person, profile, labels) {
  const parts = [];
  if (person.vibe === profile.vibe) parts.push(`both chose ${labels[person.vibe] ?? person.vibe}`);
  const shared = sharedTags(person, profile);
  if (shared.length) parts.push(`share ${list(shared)}`);
  if (CLOSENESS[person.proximity]) parts.push(CLOSENESS[person.proximity]);
  return parts.length ? `You ${list(parts)}.` : "You have nothing in common on paper. That can be the best start.";
}

export const sharedTags = (person, profile) => person.tags.filter((tag) => profile.tags.includes(tag));

export const list = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

export const people = (n) => (n === 1 ? "1 person" : `${n} people`);

const two = (n) => String(n).padStart(2, "0");
export const clock = (ms) => {
  const at = new Date(ms);
  return `[${two(at.getHours())}:${two(at.getMinutes())}]`;
};
