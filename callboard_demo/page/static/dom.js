// Creates elements and updates lists of them. Untrusted text is only ever inserted as text: nothing here parses HTML.

/** Create an element: h("p", {class: "quiet", onclick: f}, "text", otherElement). Empty children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Show a list in a box. Elements whose item is unchanged are kept, so focus, scroll position and animations survive. */
export function keyed(box, items, key, make) {
  const before = new Map([...box.children].map((element) => [element.dataset.key, element]));
  let last = null;
  for (const item of items) {
    const name = String(key(item));
    const sign = JSON.stringify(item);
    let element = before.get(name);
    before.delete(name);
    if (!element || element.sign !== sign) {
      const fresh = make(item);
      fresh.dataset.key = name;
      fresh.sign = sign;
      if (element) element.replaceWith(fresh);
      element = fresh;
    }
    const place = last ? last.nextSibling : box.firstChild;
    if (element !== place) box.insertBefore(element, place);
    last = element;
  }
  for (const gone of before.values()) gone.remove();
}

/** Show one item in a box; rebuild it only if the item has changed. */
export function show(box, item, make) {
  const sign = JSON.stringify(item);
  if (box.sign === sign) return;
  box.sign = sign;
  box.replaceChildren(...[make(item)].flat());
}

/** Return a `<details>` that stays open or closed as the reader left it, however often it is rebuilt. */
const opened = new Map();
export function fold(name, open, summary, ...children) {
  const element = h("details", { class: "fold" }, h("summary", {}, summary), ...children);
  element.open = opened.has(name) ? opened.get(name) : open;
  element.querySelector("summary").addEventListener("click", () => opened.set(name, !element.open));
  return element;
}

/** Return a link, or plain text if the address is not http(s). */
export function link(address, ...children) {
  if (!/^https?:\/\//i.test(address)) return h("span", {}, ...children);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Return the time of day (of milliseconds, or anything Date accepts); with the date unless it is today. */
export function clock(moment) {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

/** Return seconds as "41 s", "3 min" or "2 h". */
export function lasting(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
export const byId = (id) => document.getElementById(id);
