// The promotions panel: the progress of each, and what it is waiting for.

import { byId, clock, h, keyed, lasting, link, plural } from "./dom.js";
import { named } from "./mrkdwn.js";

const STEPS = [
  ["checking", "Check"], ["proposed", "Approve"], ["merging", "Merge"], ["syncing", "Sync"],
  ["rolling out", "Roll out"], ["proving", "Verify"], ["released", "Done"],
];
const ORDER = STEPS.map(([state]) => state);
const LABELS = { proposed: "waiting for approval", proving: "verifying" }; // any other state is its own label
const KEPT = 3; // finished promotions that stay on the page

/** Show every open promotion and the last few finished ones. */
export function drawPromotions(state) {
  const newest = [...state.promotions].sort((a, b) => b.id - a.id);
  const open = newest.filter(isOpen);
  const visible = [...open, ...newest.filter((p) => !isOpen(p)).slice(0, KEPT)];
  byId("n-promotions").textContent = open.length ? `${open.length} in progress` : "";
  const items = visible.length ? visible : [{ id: "none", alive: state.bot.alive, down: !state.bot.alive }];
  keyed(byId("promotions"), items, (p) => p.id, (p) => (p.id === "none" ? empty(p) : promotion(p)));
}

const isOpen = (p) => p.state === "stalled" || (ORDER.includes(p.state) && p.state !== "released");

function empty({ alive }) {
  return h("p", { class: "empty" }, alive
    ? "No promotions yet. Type /promote iris-classifier production in the chat."
    : "The bot is down, so its promotions can't be shown. Nothing is lost; start it again.");
}

function promotion(p) {
  const at = ORDER.indexOf(p.state);
  const color = p.state === "released" ? "good" : isOpen(p) ? "busy" : "bad";
  const from = p.previous === null || p.previous === undefined ? "" : `v${p.previous} → `;
  const took = p.state === "released" ? ` in ${lasting((new Date(p.entered_at) - new Date(p.requested_at)) / 1000)}` : "";
  return h("article", { class: `promotion ${color}` },
    h("header", {},
      h("h3", {}, p.kind === "rollback" ? "↩ " : "", p.model, " ", h("span", { class: "quiet" }, `to ${p.stage}`)),
      h("span", { class: "version" }, `${from}v${p.version}`),
      p.pull ? link(p.pull.url, `#${p.pull.number}`) : null,
      h("span", { class: `badge ${color}` }, (LABELS[p.state] ?? p.state) + took),
      h("time", { class: "quiet" }, clock(p.requested_at))),
    at < 0 ? null : steps(at),
    p.trouble ? h("p", { class: "because" }, "⚠️ ", named(p.trouble)) : null,
    p.because ? h("p", { class: "because" }, named(p.because)) : null);
}

function steps(at) {
  return h("ol", { class: "steps", "aria-label": `Step ${at + 1} of ${plural(STEPS.length, "step")}` }, STEPS.map(([, label], index) => {
    const done = index < at || at === STEPS.length - 1;
    return h("li", { class: done ? "done" : index === at ? "now" : "", "aria-current": index === at ? "step" : null }, label);
  }));
}
