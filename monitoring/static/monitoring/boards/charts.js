// The one place that says how our charts look and behave. Chart.js comes with the admin's theme, as a global.
const {Chart} = window;
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const TICKS = [10_000, 30_000, MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];
const pad = (n) => String(n).padStart(2, "0");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** A tick of time: the date at midnight, else the clock; UTC, like everything here. */
function timeWords(ms, every) {
  const at = new Date(ms);
  const clock = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}${every < MINUTE ? `:${pad(at.getUTCSeconds())}` : ""}`;
  return every >= DAY || clock === "00:00" ? `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}` : clock;
}

function timeTicks(scale) {
  const room = Math.max(3, Math.floor(scale.width / 60));
  const every = TICKS.find((t) => (scale.max - scale.min) / t <= room) ?? TICKS.at(-1);
  const ticks = [];
  for (let t = Math.ceil(scale.min / every) * every; t <= scale.max; t += every) ticks.push({value: t, label: timeWords(t, every)});
  scale.ticks = ticks;
}

const short = (n) => String(Number(n.toPrecision(3)));
function valueWords(value, unit) {
  if (unit === "MS") return value >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`;
  if (unit === "SHARE") return `${short(value * 100)} %`;
  return value >= 10_000 ? `${short(value / 1000)}k` : short(value);
}

/** Ticks of a logarithmic axis: one a power of ten, and 2 and 5 between when there is room. */
function steepTicks(scale) {
  const decades = Math.log10(scale.max / scale.min), factors = decades < 2.5 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let k = Math.floor(Math.log10(scale.min)); k <= Math.ceil(Math.log10(scale.max)); k++) {
    for (const f of factors) {
      const value = f * 10 ** k;
      if (value >= scale.min * 0.999 && value <= scale.max * 1.001) ticks.push({value});
    }
  }
  scale.ticks = ticks;
}

/** The colours of this panel as the style sheet has them now, light or dark. */
function palette(panel) {
  const of = getComputedStyle(panel);
  return (name) => of.getPropertyValue(`--${name}`).trim();
}

const see = (colour, share) => `color-mix(in srgb, ${colour} ${share}%, transparent)`;

/** Stripes for every other bar of a stack, so that they can be told apart without colour. */
function striped(context, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  for (const shift of [-6, 0, 6]) { pen.moveTo(shift, 6); pen.lineTo(shift + 6, 0); }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

/** What is drawn behind and before the lines: gaps, incidents, deploys, thresholds, and the stretch that is being chosen. */
const setting = {
  id: "setting",
  beforeDatasetsDraw(chart) {
    if (!chart.$board) return; // the first time, before there is anything to show
    const {ctx, chartArea: area, scales: {x}} = chart, {data, colour} = chart.$board;
    const clip = (ms) => Math.min(area.right, Math.max(area.left, x.getPixelForValue(ms)));
    const band = (from, to, fill) => {
      ctx.fillStyle = fill;
      ctx.fillRect(clip(from), area.top, Math.max(2, clip(to) - clip(from)), area.bottom - area.top);
    };
    ctx.save();
    for (const [from, to] of data.gaps) band(from, to, striped(ctx, see(colour("gap"), 45)));
    for (const mark of data.marks) {
      if (mark.kind === "deploy") continue;
      const shade = colour(mark.kind === "drill" ? "work" : "incident");
      band(mark.at, mark.to ?? x.max, see(shade, 16));
      if (mark.at >= x.min) { ctx.fillStyle = shade; ctx.fillRect(clip(mark.at), area.top, 2, area.bottom - area.top); }
    }
    ctx.strokeStyle = ctx.fillStyle = colour("deploy");
    ctx.setLineDash([4, 3]);
    for (const mark of data.marks) {
      if (mark.kind !== "deploy") continue;
      const at = clip(mark.at);
      ctx.beginPath(); ctx.moveTo(at, area.top); ctx.lineTo(at, area.bottom); ctx.stroke();
      ctx.beginPath(); ctx.moveTo(at - 4, area.top); ctx.lineTo(at + 4, area.top); ctx.lineTo(at, area.top + 6); ctx.fill();
    }
    ctx.restore();
  },
  afterDatasetsDraw(chart) {
    if (!chart.$board) return;
    const {ctx, chartArea: area, scales: {x, y}} = chart, {data, colour, chosen} = chart.$board;
    ctx.save();
    for (const {value, severity} of data.thresholds) {
      const at = y.getPixelForValue(value);
      if (!(at >= area.top - 1 && at <= area.bottom)) continue;
      ctx.strokeStyle = colour(severity === "target" ? "well" : severity);
      ctx.lineWidth = 1.5;
      ctx.setLineDash([1, 3]);
      ctx.beginPath(); ctx.moveTo(area.left, at); ctx.lineTo(area.right, at); ctx.stroke();
    }
    if (chosen) {
      const [from, to] = [...chosen].sort((a, b) => a - b).map((ms) => x.getPixelForValue(ms));
      ctx.fillStyle = see(colour("c0"), 22);
      ctx.fillRect(from, area.top, Math.max(1, to - from), area.bottom - area.top);
    }
    ctx.restore();
  },
};

export class Drawing {
  constructor(panel, data) {
    this.panel = panel;
    this.plot = panel.querySelector(".plot");
    this.off = new Set();
    this.at = null;
    this.plot.hidden = false;
    this.#reachable();
    this.#switches();
    this.chart = new Chart(this.plot.querySelector("canvas"), {
      type: data.bars ? "bar" : "line", data: {datasets: []}, options: {}, plugins: [setting],
    });
    this.#point();
    this.#keys();
    this.#show(data);
  }

  update(data, fresh) {
    this.panel.querySelector(".keys").replaceWith(fresh.querySelector(".keys"));
    this.#switches();
    this.#show(data);
  }

  redress() { this.#show(this.data); }

  end() { this.chart.destroy(); }

  #show(data) {
    this.data = data;
    const colour = palette(this.panel);
    this.chart.$board = {data, colour, chosen: this.chart.$board?.chosen};
    this.chart.data.datasets = data.lines.map((line, index) => this.#dataset(line, index));
    this.chart.options = this.#options(colour);
    this.chart.update("none");
  }

  #dataset(line, index) {
    const {data} = this, shift = data.bars ? data.step / 2 : 0;
    const style = getComputedStyle(this.panel.querySelector(`.keys .c${Math.min(index, 6)}`) ?? this.panel);
    const dashes = style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat);
    const alone = (i) => line.values[i] !== null && (line.values[i - 1] ?? null) === null && (line.values[i + 1] ?? null) === null;
    return {
      label: line.label,
      data: line.values.map((y, i) => ({x: data.times[i] + shift, y})),
      hidden: this.off.has(line.label),
      borderColor: style.stroke, borderDash: data.bars ? [] : dashes, borderWidth: data.bars ? 1 : 2,
      backgroundColor: data.bars && index % 2 ? striped(this.chart.ctx, style.stroke) : style.stroke,
      spanGaps: false, stepped: false, tension: 0, parsing: false, normalized: true,
      pointRadius: line.values.map((_, i) => (alone(i) ? 2.5 : 0)), pointHoverRadius: 4,
      barThickness: data.bars ? "flex" : undefined, order: data.bars ? 0 : index,
    };
  }

  #options(colour) {
    const {data} = this, step = data.step, limits = data.thresholds.map((t) => t.value);
    const known = data.lines.flatMap((line) => line.values).filter((v) => v !== null && (!data.steep || v > 0));
    const grid = {color: colour("grid"), offset: false}, ticks = {color: colour("quiet")}, border = {color: colour("rule")};
    const top = Math.max(...limits, ...known, 0);
    const y = data.steep
      ? {type: "logarithmic", min: 10 ** Math.floor(Math.log10(Math.min(...known, ...limits, 100))), max: Math.max(top, 1) * 1.25, afterBuildTicks: steepTicks}
      : {type: "linear", min: 0, suggestedMax: top ? top * 1.1 : 1};
    return {
      animation: false, responsive: true, maintainAspectRatio: false, events: ["mousemove", "mouseout", "click"],
      interaction: {mode: "index", intersect: false, axis: "x"},
      layout: {padding: {top: 6, right: 6}},
      scales: {
        x: {
          type: "linear", min: data.times[0], max: (data.times.at(-1) ?? 0) + step, stacked: data.bars, offset: false, grid, border,
          afterBuildTicks: timeTicks, ticks: {...ticks, maxRotation: 0, autoSkip: false, callback: (_, i, all) => all[i].label},
          title: {display: true, text: "Time (UTC)", color: colour("quiet")},
        },
        y: {
          ...y, stacked: data.bars, grid, border,
          title: {display: true, text: data.axis, color: colour("quiet")},
          ticks: {...ticks, maxTicksLimit: 8, precision: data.unit === "COUNT" ? 0 : undefined, callback: (value) => valueWords(value, data.unit)},
        },
      },
      plugins: {
        legend: {display: false},
        tooltip: {
          backgroundColor: colour("ink"), titleColor: colour("card"), bodyColor: colour("card"), footerColor: colour("card"),
          displayColors: false, padding: 10,
          callbacks: {
            title: ([item]) => this.#row(item.dataIndex)?.cells[0].textContent ?? "",
            label: (item) => `${item.dataset.label}: ${this.#row(item.dataIndex)?.cells[item.datasetIndex + 1].textContent}`,
            footer: ([item]) => this.#happened(item.dataIndex),
          },
        },
      },
    };
  }

  /** The table says everything in words already; hovering reads from there. */
  #row(index) { return this.panel.querySelector("tbody").rows[index]; }

  #happened(index) {
    const from = this.data.times[index], to = from + this.data.step;
    return this.data.marks.filter((m) => (m.kind === "deploy" ? m.at >= from && m.at < to : m.at < to && (m.to ?? Infinity) >= from))
      .map((m) => m.label);
  }

  /** Each name in the legend becomes a switch for its line. */
  #switches() {
    for (const item of this.panel.querySelectorAll(".keys .line")) {
      const button = document.createElement("button"), name = item.querySelector("span").textContent;
      button.type = "button";
      button.append(...item.childNodes);
      button.setAttribute("aria-pressed", String(!this.off.has(name)));
      button.addEventListener("click", () => {
        if (!this.off.delete(name)) this.off.add(name);
        button.setAttribute("aria-pressed", String(!this.off.has(name)));
        this.#show(this.data);
      });
      item.append(button);
    }
  }

  #reachable() {
    const title = this.panel.querySelector("h2").textContent;
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "application");
    this.plot.setAttribute("aria-roledescription", "chart");
    this.plot.setAttribute("aria-label", `${title}. Arrow keys read the values; with shift they choose a stretch, Enter shows it.`);
    this.plot.setAttribute("aria-describedby", this.panel.querySelector(".summary").id);
  }

  /** Dragging over the chart chooses a stretch of time. */
  #point() {
    const canvas = this.plot.querySelector("canvas");
    const time = (event) => this.#within(this.chart.scales.x.getValueForPixel(event.offsetX));
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = event.offsetX;
      canvas.setPointerCapture(event.pointerId);
      this.#choose([time(event), time(event)]);
    });
    canvas.addEventListener("pointermove", (event) => { if (from !== null) this.#choose([this.chart.$board.chosen[0], time(event)]); });
    canvas.addEventListener("pointerup", (event) => {
      const far = from !== null && Math.abs(event.offsetX - from) > 8;
      from = null;
      if (far) this.#zoom(); else this.#choose(null);
    });
    canvas.addEventListener("pointercancel", () => { from = null; this.#choose(null); });
  }

  #keys() {
    this.plot.addEventListener("keydown", (event) => {
      const last = this.data.times.length - 1;
      const to = {ArrowLeft: (this.at ?? last + 1) - 1, ArrowRight: (this.at ?? -1) + 1, Home: 0, End: last}[event.key];
      if (event.key === "Enter" && this.chart.$board.chosen) this.#zoom();
      else if (event.key === "Escape") this.#choose(null);
      else if (to !== undefined && last >= 0) this.#move(Math.min(last, Math.max(0, to)), event.shiftKey);
      else return;
      event.preventDefault();
    });
    this.plot.addEventListener("blur", () => { this.at = null; this.#point_at(null); this.#choose(null); });
  }

  #move(index, choosing) {
    const {times, step} = this.data, start = this.chart.$board.chosen?.[0] ?? times[this.at ?? index];
    this.#choose(choosing ? [start, times[index] + (times[index] >= start ? step : 0)] : null);
    this.at = index;
    this.#point_at(index);
    const cells = [...this.#row(index).cells].map((cell) => cell.textContent);
    const values = this.data.lines.map((line, i) => `${line.label} ${cells[i + 1]}`);
    this.panel.querySelector(".reading").textContent = [cells[0], ...values, ...this.#happened(index)].join(", ");
  }

  #point_at(index) {
    const shown = this.chart.data.datasets.map((_, i) => i).filter((i) => this.chart.isDatasetVisible(i));
    const active = index === null ? [] : shown.map((datasetIndex) => ({datasetIndex, index}));
    this.chart.setActiveElements(active);
    this.chart.tooltip.setActiveElements(active, {x: 0, y: 0});
    this.chart.update("none");
  }

  #within(ms) { return Math.min(this.chart.scales.x.max, Math.max(this.chart.scales.x.min, ms)); }

  #choose(stretch) {
    this.chart.$board.chosen = stretch;
    this.chart.draw();
  }

  #zoom() {
    const [from, to] = [...this.chart.$board.chosen].sort((a, b) => a - b);
    const stamp = (ms) => new Date(ms).toISOString().slice(0, 19);
    location.search = new URLSearchParams({from: stamp(from), to: stamp(Math.max(to, from + MINUTE))});
  }
}

/** Call `again` whenever the theme goes from light to dark or back. */
export function dress(again) {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  new MutationObserver(again).observe(document.documentElement, {attributes: true, attributeFilter: ["class"]});
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}
