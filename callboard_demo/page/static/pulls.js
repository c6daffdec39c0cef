// The pull requests panel: state, checks and diff.

import { byId, clock, fold, h, keyed, link } from "./dom.js";
import { markdown } from "./markdown.js";

const KEPT = 6;
const SIGNS = { success: "✓", pending: "•", failure: "✕", error: "✕" };

/** Show the newest pull requests, open ones first. */
export function drawPulls(state) {
  const newest = [...state.pulls].sort((a, b) => b.number - a.number);
  const open = newest.filter((pull) => pull.state === "open");
  const visible = [...open, ...newest.filter((pull) => pull.state !== "open").slice(0, KEPT)];
  byId("n-pulls").textContent = state.repository;
  const first = visible[0]?.number;
  const items = visible.length ? visible.map((pull) => ({ ...pull, first: pull.number === first })) : [{ number: "none" }];
  keyed(byId("pulls"), items, (pull) => pull.number, (pull) => (pull.number === "none" ? empty() : pullRequest(pull)));
}

const empty = () => h("p", { class: "empty" }, "No pull requests yet. A promotion opens one.");

function pullRequest(pull) {
  const name = `pull-${pull.number}`;
  return h("article", { class: "pull" },
    h("header", {},
      h("span", { class: `badge ${pull.state}` }, pull.state),
      link(pull.url, `#${pull.number}`),
      h("span", { class: "quiet branches" }, pull.head, " → ", pull.base),
      h("time", {}, clock(pull.merged_at ?? pull.created_at))),
    h("h3", {}, link(pull.url, pull.title)),
    checks(pull.checks ?? []),
    fold(`${name}-diff`, pull.state === "open" || pull.first, "Changes", diff(pull.diff ?? "")),
    pull.body ? fold(`${name}-body`, false, "Description", h("div", { class: "prose" }, markdown(pull.body))) : null,
    pull.comments?.length ? fold(`${name}-comments`, false, `Comments (${pull.comments.length})`,
      pull.comments.map((comment) => h("div", { class: "prose comment" }, h("b", {}, comment.user), markdown(comment.body)))) : null);
}

function checks(list) {
  if (!list.length) return null;
  return h("ul", { class: "checks" }, list.map((check) =>
    h("li", { class: check.state }, h("span", { "aria-hidden": "true" }, SIGNS[check.state] ?? "•"),
      h("b", {}, check.name), h("span", { class: "quiet" }, check.description || check.state))));
}

function diff(text) {
  const rows = [];
  let old = 0;
  let fresh = 0;
  for (const line of text.split("\n")) {
    const hunk = line.match(/^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/);
    const file = line.match(/^diff --git a\/(.*) b\/(.*)$/);
    if (file) rows.push(h("tr", { class: "file" }, h("th", { colspan: 3 }, file[2])));
    else if (hunk) {
      [old, fresh] = [Number(hunk[1]), Number(hunk[2])];
      if (rows.at(-1)?.className !== "file") rows.push(row("gap", "", "", "⋯"));
    } else if (/^(index |--- |\+\+\+ |new file|deleted file|similarity|\\)/.test(line)) continue;
    else if (line.startsWith("+")) rows.push(row("added", "", fresh++, line));
    else if (line.startsWith("-")) rows.push(row("gone", old++, "", line));
    else if (line.startsWith(" ")) rows.push(row("", old++, fresh++, line));
  }
  return h("div", { class: "diff sideways" }, h("table", {}, h("tbody", {}, rows)));
}

const row = (kind, old, fresh, text) => h("tr", { class: kind }, h("td", { class: "at" }, String(old)), h("td", { class: "at" }, String(fresh)), h("td", {}, text));
