// The promotions: how far each has come, and why it waits.

import { byId, clock, h, keyed, lasting, link, plural } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const STEPS = [
  ["checking", "Check"], ["proposed", "Approve"], ["merging", "Merge"], ["syncing", "Sync"],
  ["rolling out", "Roll out"], ["proving", "Prove"], ["released", "Done"],
];
const ORDER = STEPS.map(([state]) => state);
const KEPT = 3; // ended ones that stay in sight

/** Show every open promotion and the last few that ended. */
export function drawPromotions(state) {
  const newest = [...state.promotions].sort((a, b) => b.id - a.id);
  const open = newest.filter(isOpen);
  const shown = [...open, ...newest.filter((p) => !isOpen(p)).slice(0, KEPT)];
  byId("n-promotions").textContent = open.length ? `${open.length} under way` : "";
  const items = shown.length ? shown : [{ id: "none", alive: state.bot.alive, down: !state.bot.alive }];
  keyed(byId("promotions"), items, (p) => p.id, (p) => (p.id === "none" ? empty(p) : promotion(p)));
}

const isOpen = (p) => ORDER.includes(p.state) && p.state !== "released";

function empty({ alive }) {
  return h("p", { class: "empty" }, alive
    ? "Nothing is under way. Type /promote iris-classifier production in the chat."
    : "The bot is down, so nobody tells how its promotions stand. Nothing is lost: start it again.");
}

function promotion(p) {
  const at = ORDER.indexOf(p.state);
  const look = p.state === "released" ? "good" : at < 0 ? "bad" : "busy";
  const from = p.previous === null || p.previous === undefined ? "" : `v${p.previous} → `;
  const took = p.state === "released" ? ` in ${lasting((new Date(p.entered_at) - new Date(p.requested_at)) / 1000)}` : "";
  return h("article", { class: `promotion ${look}` },
    h("header", {},
      h("h3", {}, p.kind === "rollback" ? "↩ " : "", p.model, " ", h("span", { class: "quiet" }, `to ${p.stage}`)),
      h("span", { class: "version" }, `${from}v${p.version}`),
      p.pull ? link(p.pull.url, `#${p.pull.number}`) : null,
      h("span", { class: `badge ${look}` }, p.state + took),
      h("time", { class: "quiet" }, clock(p.requested_at))),
    at < 0 ? null : steps(at),
    p.trouble ? h("p", { class: "because" }, "⚠️ ", mrkdwn(p.trouble)) : null,
    p.because ? h("p", { class: "because" }, mrkdwn(p.because)) : null);
}

function steps(at) {
  return h("ol", { class: "steps", "aria-label": `Step ${at + 1} of ${plural(STEPS.length, "step")}` }, STEPS.map(([, label], index) => {
    const done = index < at || at === STEPS.length - 1;
    return h("li", { class: done ? "done" : index === at ? "now" : "", "aria-current": index === at ? "step" : null }, label);
  }));
}
