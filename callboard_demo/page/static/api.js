// The page's API client: sends commands by POST and receives snapshots as server-sent events.

import { byId, h } from "./dom.js";

const token = document.querySelector('meta[name="callboard-token"]').content;

/** Send a command. Returns the JSON reply, or null after an error, which is shown as a toast. */
export async function order(name, body) {
  try {
    const answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Callboard-Token": token },
      body: JSON.stringify(body),
    });
    const reply = await answer.json();
    if (answer.ok) return reply;
    toast(reply.error || `That did not work (HTTP ${answer.status}).`);
  } catch {
    toast("The demo is not responding.");
  }
  return null;
}

/** Call `draw` with every new snapshot, and `link` with whether the page is connected. */
export function listen(draw, link) {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => link(true));
  events.addEventListener("error", () => {
    link(false);
    if (events.readyState === EventSource.CLOSED) setTimeout(() => listen(draw, link), 1000);
  });
  events.addEventListener("message", (event) => draw(JSON.parse(event.data)));
}

/** Show a notice for a few seconds. */
export function toast(sentence) {
  const element = h("p", { class: "toast" }, sentence);
  byId("toasts").append(element);
  setTimeout(() => element.remove(), 7000);
}

/** Ask for confirmation; resolves to true if it was given. Takes the texts of Slack's confirm object, as plain text. */
export function confirmed({ title, text, confirm, deny, danger }) {
  const dialog = byId("confirm");
  return new Promise((settle) => {
    dialog.returnValue = "";
    dialog.replaceChildren(
      h("form", { method: "dialog" },
        h("h2", {}, title),
        h("p", {}, text),
        h("div", { class: "buttons" },
          h("button", { class: "button", value: "" }, deny),
          h("button", { class: `button ${danger ? "danger" : "primary"}`, value: "yes" }, confirm))),
    );
    dialog.onclose = () => settle(dialog.returnValue === "yes");
    dialog.showModal();
  });
}
