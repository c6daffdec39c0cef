// Renders the subset of Markdown that pull request bodies and Slack's `markdown` blocks use here.

import { h, link } from "./dom.js";

/** Return the elements of a Markdown text: headings, lists, tables, fences, quotes, paragraphs. */
export function markdown(text) {
  const lines = text.replace(/\r/g, "").replace(/<!--[\s\S]*?-->/g, "").split("\n");
  const nodes = [];
  while (lines.length) nodes.push(...block(lines));
  return nodes;
}

function block(lines) {
  const line = lines[0];
  if (!line.trim()) return lines.shift() && [];
  const heading = line.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return lines.shift() && [h("h4", {}, inline(heading[2]))];
  if (/^```/.test(line)) return [fence(lines)];
  if (/^\s*\|/.test(line) && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[1] ?? "")) return [table(lines)];
  if (/^\s*([-*+]|\d+\.)\s+/.test(line)) return [list(lines)];
  if (/^\s*(-{3,}|\*{3,})\s*$/.test(line)) return lines.shift() && [h("hr")];
  if (/^>/.test(line)) return [h("blockquote", {}, inline(take(lines, /^>/).map((l) => l.replace(/^> ?/, "")).join(" ")))];
  const words = [lines.shift()];
  while (lines.length && lines[0].trim() && !/^(#{1,6}\s|```|\s*\||\s*[-*+]\s|\s*\d+\.\s|>)/.test(lines[0])) words.push(lines.shift());
  return [h("p", {}, words.flatMap((l, i) => (i ? [/( {2}|\\)$/.test(words[i - 1]) ? h("br") : " ", ...inline(l.trim())] : inline(l.trim()))))];
}

function take(lines, pattern) {
  const taken = [];
  while (lines.length && pattern.test(lines[0])) taken.push(lines.shift());
  return taken;
}

function fence(lines) {
  const mark = lines.shift().match(/^`+/)[0];
  const inside = [];
  while (lines.length && !lines[0].startsWith(mark)) inside.push(lines.shift());
  lines.shift();
  return h("pre", {}, inside.join("\n"));
}

function list(lines) {
  const pattern = /^\s*(?:[-*+]|\d+\.)\s+/;
  const ordered = /^\s*\d/.test(lines[0]);
  return h(ordered ? "ol" : "ul", {}, take(lines, pattern).map((line) => h("li", {}, inline(line.replace(pattern, "")))));
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
  const head = cells(lines.shift());
  const right = cells(lines.shift()).map((rule) => rule.endsWith(":"));
  const row = (tag, line) => h("tr", {}, line.map((cell, at) => h(tag, { class: right[at] ? "number" : null }, inline(cell))));
  const body = take(lines, /^\s*\|/).map(cells);
  return h("div", { class: "sideways" }, h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, body.map((line) => row("td", line)))));
}

const MARKS = [
  [/\\([\\`*_{}[\]()#+.!|<>~@-])/y, (m) => m[1]],
  [/`+([^`\n]+)`+/y, (m) => h("code", {}, m[1])],
  [/\*\*(\S|\S.*?\S)\*\*/y, (m) => h("strong", {}, inline(m[1]))],
  [/(?<![\p{L}\p{N}])_(\S|\S.*?\S)_(?![\p{L}\p{N}])/uy, (m) => h("em", {}, inline(m[1]))],
  [/\*(\S|\S.*?\S)\*/y, (m) => h("em", {}, inline(m[1]))],
  [/~~(\S.*?)~~/y, (m) => h("s", {}, inline(m[1]))],
  [/\[([^\]\n]+)\]\(([^()\s]+)\)/y, (m) => link(m[2], inline(m[1]))],
  [/https?:\/\/[^\s<>()]+[^\s<>().,:;]/y, (m) => link(m[0], m[0])],
  [/&(amp|lt|gt|quot|#39|#64|#35);/y, (m) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#64": "@", "#35": "#" })[m[1]]],
];

function inline(text) {
  const nodes = [];
  let loose = "";
  let at = 0;
  while (at < text.length) {
    let node = null;
    for (const [pattern, make] of MARKS) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (!found) continue;
      at = pattern.lastIndex; // read before `make`, which may use the same pattern recursively
      node = make(found);
      break;
    }
    if (node === null) loose += text[at++];
    else if (typeof node === "string") loose += node;
    else {
      nodes.push(loose, node);
      loose = "";
    }
  }
  return [...nodes, loose].filter((part) => part !== "");
}
