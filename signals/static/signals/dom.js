// Small tools for the page: nothing here knows what Icebreaker is.

export const byId = (id) => document.getElementById(id);

/** Make an element; `on` holds listeners, `class` and every other key are attributes, null leaves one out. */
export function el(tag, { on = {}, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children);
  return node;
}

/** Change text only when it differs, so that a screen reader is not told the same thing again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/** Bring the children of `parent` in line with `items`, keeping nodes (and so the focus) of those that stay. */
export function keyed(parent, items, key, create, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = old.get(name);
    old.delete(name);
    if (!node) {
      node = create(item);
      node.dataset.key = name;
    }
    if (node === before) before = before.nextElementSibling;
    else {
      const focused = node.contains(document.activeElement) ? document.activeElement : null;
      parent.insertBefore(node, before);
      focused?.focus({ preventScroll: true });
    }
    update(node, item);
  }
  for (const node of old.values()) node.remove();
}

/** Seconds in words that fit a button or a line: "45 s", "3 min". */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

export const characters = (text) => [...text].length;
