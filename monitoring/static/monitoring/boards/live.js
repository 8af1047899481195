// Keeps a board fresh: by a socket while there is one, by asking when there is none, not at all while nobody looks.
const ASK_MS = 15_000, ASK_AT_MOST_MS = 120_000, SOCKET_AFTER = 4, LATE_MS = 45_000;

const clock = (at) => new Date(at).toISOString().slice(11, 19);

export function follow(board, replace) {
  if (!board.dataset.live) return; // a range that is over stays as it is
  const asOf = document.getElementById("as-of"), says = document.getElementById("live");
  let socket = null, timer = 0, watchdog = 0, wait = ASK_MS, asked = 0;

  function say(state, text) {
    if (says.dataset.state === state) return; // a screen reader hears of changes alone
    says.dataset.state = state;
    says.textContent = text;
  }

  function take({at, panels}) {
    for (const [key, html] of Object.entries(panels)) replace(key, html);
    asOf.textContent = clock(at);
    asOf.dateTime = at;
  }

  function lost() {
    say("lost", `No new figures since ${asOf.textContent} UTC; trying again.`);
  }

  function open() {
    clearTimeout(timer);
    const url = new URL(board.dataset.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const mine = socket = new WebSocket(url);
    const quiet = () => { clearTimeout(watchdog); watchdog = setTimeout(() => mine.close(), LATE_MS); };
    quiet();
    mine.onmessage = (event) => {
      quiet();
      wait = ASK_MS;
      asked = 0;
      say("live", "Live.");
      take(JSON.parse(event.data));
    };
    mine.onclose = () => {
      clearTimeout(watchdog);
      if (mine !== socket) return; // closed by ourselves
      socket = null;
      ask();
    };
  }

  async function ask() {
    if (document.hidden) return;
    try {
      const answer = await fetch(board.dataset.url, {credentials: "same-origin", headers: {Accept: "application/json"}, redirect: "error"});
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.json());
      wait = ASK_MS;
      say("asking", "Refreshed every 15 seconds.");
    } catch {
      wait = Math.min(wait * 2, ASK_AT_MOST_MS);
      lost();
    }
    asked += 1;
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(asked % SOCKET_AFTER ? ask : open, wait);
  }

  function pause() {
    clearTimeout(timer);
    clearTimeout(watchdog);
    const old = socket;
    socket = null;
    old?.close();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : open()));
  addEventListener("pagehide", pause);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  if (!document.hidden) open();
}
