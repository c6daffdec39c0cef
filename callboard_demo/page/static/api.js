// The page's way to the world: orders by POST, pictures by server-sent events.

import { byId, h } from "./dom.js";

const token = document.querySelector('meta[name="callboard-token"]').content;

/** Send an order; the answer's JSON, or null after a refusal, which the person is shown. */
export async function order(name, body) {
  try {
    const answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Callboard-Token": token },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (answer.ok) return said;
    toast(said.error || `That did not work (${answer.status}).`);
  } catch {
    toast("The demo does not answer.");
  }
  return null;
}

/** Call `draw` with every new picture of the world, and `link` with whether we hear from it. */
export function listen(draw, link) {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => link(true));
  events.addEventListener("error", () => {
    link(false);
    if (events.readyState === EventSource.CLOSED) setTimeout(() => listen(draw, link), 1000);
  });
  events.addEventListener("message", (event) => draw(JSON.parse(event.data)));
}

/** Tell the person something for a few seconds. */
export function toast(sentence) {
  const element = h("p", { class: "toast" }, sentence);
  byId("toasts").append(element);
  setTimeout(() => element.remove(), 7000);
}

/** Ask before something is done: true where the person says so. The words are Slack's confirm object, as plain text. */
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
