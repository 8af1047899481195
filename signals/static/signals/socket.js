// The connection: opened with the token as a subprotocol, so that it stays out of every log; reopened with backoff and
// jitter until the server says that the session is over.

const FIRST_MS = 500;
const LONGEST_MS = 8_000; // back within 10 s of what was gone, but not all at once
const LONGEST_IN_CHAT_MS = 4_000; // a chat is kept for 20 s
const SILENCE_MS = 45_000;
const PATIENCE_MS = 6_000;
const FINAL = new Set([1000, 4401, 4404, 4429]);

export class Link {
  /** `onFrame(type, payload)`; `onState(state, {retryAt, code})`: connecting, open, waiting, offline, over. */
  constructor({ onFrame, onState, isChatting }) {
    Object.assign(this, { onFrame, onState, isChatting });
    this.socket = null;
    this.token = null;
    this.tries = 0;
    this.heardAt = 0;
    this.timers = { retry: 0, silence: 0, patience: 0 };
    window.addEventListener("offline", () => this.token && this.#lost());
    window.addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#woken());
  }

  open(token) {
    this.token = token;
    this.tries = 0;
    this.#connect();
  }

  /** Stop for good. */
  close() {
    this.token = null;
    this.#drop();
  }

  /** Whether the frame was handed to a connection that is open. */
  send(type, payload = {}) {
    if (this.socket?.readyState !== WebSocket.OPEN || !this.ready) return false;
    this.socket.send(JSON.stringify({ type, payload }));
    return true;
  }

  /** Try at once instead of waiting for the next attempt; `anyway`: even if the browser believes to be offline. */
  now(anyway = false) {
    if (!this.token || this.ready || this.socket?.readyState === WebSocket.CONNECTING) return;
    this.tries = 0;
    this.#connect(anyway);
  }

  /** Give this connection up for a new one. */
  renew() {
    if (this.token) this.#connect();
  }

  /** Ask something that is always answered; silence means that the connection is dead. */
  probe() {
    if (!this.send("radar:subscribe", this.subscription?.() ?? {})) return;
    clearTimeout(this.timers.patience);
    const asked = Date.now();
    this.timers.patience = setTimeout(() => {
      if (this.heardAt < asked) this.#lost();
    }, PATIENCE_MS);
  }

  #connect(anyway = false) {
    this.#drop();
    if (!navigator.onLine && !anyway) {
      this.onState("offline", {});
      return;
    }
    this.onState("connecting", {});
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`, ["icebreaker.v1", this.token]);
    this.socket = socket;
    this.timers.patience = setTimeout(() => socket === this.socket && !this.ready && this.#lost(), PATIENCE_MS * 2);
    socket.onmessage = (event) => socket === this.socket && this.#heard(event.data);
    socket.onclose = (event) => socket === this.socket && this.#closed(event.code);
  }

  #heard(data) {
    const { type, payload } = JSON.parse(data);
    this.heardAt = Date.now();
    clearTimeout(this.timers.silence);
    this.timers.silence = setTimeout(() => this.probe(), SILENCE_MS);
    this.onFrame(type, payload);
    if (type === "connected") {
      this.ready = true;
      this.tries = 0;
      clearTimeout(this.timers.patience);
      this.onState("open", {});
    }
  }

  #closed(code) {
    this.#drop();
    if (!this.token) return;
    if (FINAL.has(code)) {
      this.token = null;
      this.onState("over", { code });
    } else this.#later();
  }

  #lost() {
    this.#drop();
    if (this.token) this.#later();
  }

  #later() {
    if (!navigator.onLine) {
      this.onState("offline", {});
      return;
    }
    const longest = this.isChatting() ? LONGEST_IN_CHAT_MS : LONGEST_MS;
    const most = Math.min(longest, FIRST_MS * 2 ** this.tries++);
    const wait = most / 2 + Math.random() * (most / 2);
    this.onState("waiting", { retryAt: Date.now() + wait });
    this.timers.retry = setTimeout(() => this.#connect(), wait);
  }

  #woken() {
    if (!this.token) return;
    if (this.ready) this.probe();
    else this.now();
  }

  #drop() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.ready = false;
    const old = this.socket;
    this.socket = null;
    if (old && old.readyState <= WebSocket.OPEN) old.close(1000);
  }
}
