// The sweep: nearer the centre fits better, a stronger pulse too. The direction means nothing, so it is drawn from a
// hash of the session and stays the same while somebody is here. The list beside it says the same in words.

const SIGNAL_MAX = 34; // the most that the score can reach with the weights that we ship; staff may set higher ones
const TURN_MS = 6000;
const FRAME_MS = 40;
const TRAIL = 0.9; // of the arm, radians
const TEAL = "0, 184, 217";

function angle(sessionId) {
  let hash = 2166136261;
  for (const c of sessionId) hash = Math.imul(hash ^ c.codePointAt(0), 16777619);
  return ((hash >>> 0) / 2 ** 32) * 2 * Math.PI;
}

export function createSweep(canvas, onPick) {
  const context = canvas.getContext("2d");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let dots = null;
  let best = 0;
  let size = 0;
  let frame = 0;
  let drawnAt = 0;

  const isStill = () => still.matches || document.documentElement.classList.contains("still");

  function fit() {
    const side = canvas.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    if (!side || (side === size && canvas.width === Math.round(side * ratio))) return;
    size = side;
    canvas.width = canvas.height = Math.round(side * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  function spot(person) {
    const fits = Math.max(0, person.signal / Math.max(SIGNAL_MAX, best));
    const radius = (0.16 + 0.78 * (1 - fits)) * (size / 2);
    const at = angle(person.sessionId);
    return { x: size / 2 + radius * Math.cos(at), y: size / 2 + radius * Math.sin(at), at, fits };
  }

  function rings() {
    context.strokeStyle = `rgba(${TEAL}, 0.28)`;
    context.lineWidth = 1;
    for (const part of [0.32, 0.64, 0.98]) {
      context.beginPath();
      context.arc(size / 2, size / 2, (part * size) / 2, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = "#c2c2c2";
    context.fillRect(size / 2 - 4, size / 2 - 4, 8, 8);
  }

  function arm(turn) {
    const middle = size / 2;
    const glow = context.createConicGradient(turn - TRAIL, middle, middle);
    glow.addColorStop(0, `rgba(${TEAL}, 0)`);
    glow.addColorStop(TRAIL / (2 * Math.PI), `rgba(${TEAL}, 0.45)`);
    glow.addColorStop(TRAIL / (2 * Math.PI) + 0.001, `rgba(${TEAL}, 0)`); // the circle closes without a seam
    context.fillStyle = glow;
    context.beginPath();
    context.moveTo(middle, middle);
    context.arc(middle, middle, 0.49 * size, turn - TRAIL, turn);
    context.fill();
  }

  function dot(person, turn) {
    const { x, y, at, fits } = spot(person);
    const since = turn === null ? 0 : (((turn - at) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI);
    const glow = Math.max(0, 1 - since / 2.4) * (0.35 + 0.65 * fits);
    const half = 4 + Math.round(3 * fits);
    if (glow > 0.05 && turn !== null) {
      const wide = half + 4 + glow * 8;
      context.fillStyle = `rgba(${TEAL}, ${0.3 * glow})`;
      context.fillRect(x - wide, y - wide, 2 * wide, 2 * wide);
    }
    context.fillStyle = person.busy ? "#7d8597" : `rgba(${TEAL}, ${0.6 + 0.4 * Math.max(glow, fits)})`;
    context.fillRect(x - half, y - half, 2 * half, 2 * half);
  }

  function paint(now) {
    fit();
    context.clearRect(0, 0, size, size);
    const turn = isStill() ? null : ((now % TURN_MS) / TURN_MS) * 2 * Math.PI;
    rings();
    if (turn !== null) arm(turn);
    for (const person of dots) dot(person, turn);
  }

  function step(now) {
    frame = 0;
    if (dots === null) return;
    if (now - drawnAt >= FRAME_MS) {
      drawnAt = now;
      paint(now);
    }
    if (!isStill()) frame = requestAnimationFrame(step);
  }

  canvas.addEventListener("click", (event) => {
    const near = (dots ?? [])
      .map((person) => ({ person, away: Math.hypot(spot(person).x - event.offsetX, spot(person).y - event.offsetY) }))
      .sort((a, b) => a.away - b.away)[0];
    if (near && near.away < 24) onPick(near.person.sessionId);
  });
  new ResizeObserver(() => requestAnimationFrame((now) => dots && paint(now))).observe(canvas);

  return {
    /** Draw these people from now on; null stops drawing. */
    show(people) {
      dots = people;
      best = Math.max(0, ...(people ?? []).map((person) => person.signal));
      if (people === null) return;
      if (!frame) {
        drawnAt = 0;
        frame = requestAnimationFrame(step);
      }
    },
  };
}
