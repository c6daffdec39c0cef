// The registry panel: models, their versions with metrics, and the aliases of releases.

import { order } from "./api.js";
import { byId, clock, h, keyed } from "./dom.js";

const KEPT = 6;
const QUALITIES = [["better", "Better"], ["worse", "Worse"], ["broken", "Broken"]];

/** Show every model with its newest versions, and any training in progress. */
export function drawRegistry(state) {
  const items = state.models.map((model) => ({ ...model, training: state.training.filter((t) => t.model === model.name) }));
  keyed(byId("registry"), items.length ? items : [{ name: "none" }], (model) => model.name, (item) => (item.name === "none" ? empty() : model(item)));
}

const empty = () => h("p", { class: "empty" }, "No models registered yet.");

function model(item) {
  const versions = [...item.versions].sort((a, b) => b.version - a.version);
  const visible = versions.filter((version, at) => at < KEPT || (version.aliases ?? []).length);
  return h("article", { class: "model" },
    h("header", {}, h("h3", {}, item.name),
      h("div", { class: "train" }, h("span", { class: "quiet" }, "Train a new version:"), QUALITIES.map(([quality, label]) =>
        h("button", { type: "button", class: "chip", title: `Train and register a ${quality} version of ${item.name}`, onclick: (event) => train(event, item.name, quality) }, label)))),
    item.training.map(progress),
    h("ul", { class: "versions" }, visible.map(version)),
    versions.length > visible.length ? h("p", { class: "quiet" }, `and ${versions.length - visible.length} older`) : null);
}

async function train(event, name, quality) {
  event.target.disabled = true;
  await order("train", { model: name, quality });
  event.target.disabled = false;
}

const progress = (task) => h("p", { class: "training" }, h("span", {}, `Training a ${task.quality} version: ${task.says} … ${task.seconds} s`), h("span", { class: "bar" }, h("i")));

function version(item) {
  const accuracy = item.metrics?.accuracy;
  const others = Object.entries(item.metrics ?? {}).map(([name, value]) => `${name} ${round(value)}`).join("\n");
  return h("li", {},
    h("b", { class: "number" }, `v${item.version}`),
    h("span", { class: "metric", title: others || null }, typeof accuracy === "number" ? [meter(accuracy), round(accuracy)] : h("span", { class: "quiet" }, "no metrics yet")),
    h("span", { class: "aliases" }, (item.aliases ?? []).map((alias) => h("span", { class: "badge alias" }, `@${alias}`)),
      item.quality === "broken" ? h("span", { class: "badge bad" }, "broken") : null),
    h("time", { class: "quiet" }, clock(moment(item.created_at))));
}

const moment = (value) => (typeof value === "number" && value < 1e11 ? value * 1000 : value);
const round = (value) => (typeof value === "number" ? value.toFixed(3) : String(value));

function meter(share) {
  const bar = h("i");
  bar.style.width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
  return h("span", { class: "meter", "aria-hidden": "true" }, bar);
}
