// Draws the charts of a board, and keeps the board fresh. Without this the page has its words and tables.
import {dress, Drawing} from "./charts.js";
import {follow} from "./live.js";

const board = document.querySelector(".board");
const drawings = new Map();

function draw(panel) {
  const data = panel.querySelector('script[type="application/json"]');
  if (data) drawings.set(panel.dataset.panel, new Drawing(panel, JSON.parse(data.textContent)));
}

const names = (panel) => [...panel.querySelectorAll(".keys .line")].map((item) => item.textContent.trim()).join("|");
const sameLines = (old, fresh) => names(old) === names(fresh);

/** Put what is new in its place; whatever the reader has open, focused or switched off stays so. */
function replace(key, html) {
  const old = board.querySelector(`[data-panel="${key}"]`);
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-panel]");
  if (!fresh) return;
  if (!old) {
    board.querySelector(".panels").append(fresh);
    draw(fresh);
    return;
  }
  if (old.contains(document.activeElement) && !old.querySelector(".plot")?.contains(document.activeElement)) return;
  const drawing = drawings.get(key);
  if (drawing && fresh.dataset.kind === "chart" && sameLines(old, fresh)) {
    for (const part of [".summary", "table"]) old.querySelector(part).replaceWith(fresh.querySelector(part));
    drawing.update(JSON.parse(fresh.querySelector('script[type="application/json"]').textContent), fresh);
    return;
  }
  drawing?.end();
  drawings.delete(key);
  const details = fresh.querySelector("details");
  if (details && old.querySelector("details")?.open) details.open = true;
  old.replaceWith(fresh);
  draw(fresh);
}

for (const panel of board.querySelectorAll('[data-kind="chart"]')) draw(panel);
dress(() => drawings.forEach((drawing) => drawing.redress()));
follow(board, replace);
board.dataset.ready = "";
