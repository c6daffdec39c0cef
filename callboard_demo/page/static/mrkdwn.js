// Renders Slack's mrkdwn. https://docs.slack.dev/messaging/formatting-message-text
// Only the subset that is used here: bold, italic, strike, code, quotes, links, mentions, dates, emoji.

import { clock, h, link } from "./dom.js";
import { emoji } from "./emoji.js";

let people = new Map();
let channels = new Map();

/** Remember the names behind ids, so that mentions are shown by name. */
export function rememberNames(state) {
  people = new Map(state.people.map((person) => [person.id, person.name]));
  channels = new Map(state.channels.map((channel) => [channel.id, channel.name]));
}

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Return the elements of a mrkdwn text. */
export function mrkdwn(text) {
  return text.split(/```\n?([\s\S]*?)\n?```/).flatMap((part, index) =>
    index % 2 ? [h("pre", {}, unescape(part))] : paragraphs(part));
}

/** Return plain text with its :emoji: replaced. */
export function plain(text) {
  return text.replace(/:([a-z0-9_+-]+(?:::skin-tone-\d)?):/g, (_, name) => emoji(name));
}

/** Return plain text with the names of people in place of their ids, and a capital. */
export function named(text) {
  const shown = text.replace(/\bU[A-Z0-9]{2,20}\b/g, (id) => (people.has(id) ? `@${people.get(id)}` : id));
  return shown.charAt(0).toUpperCase() + shown.slice(1);
}

function paragraphs(text) {
  const nodes = [];
  let quoted = [];
  const lines = text.replace(/^\n+|\n+$/g, "").split("\n");
  const endQuote = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, joined(quoted)));
    quoted = [];
  };
  let plainLines = [];
  const endPlain = () => {
    if (plainLines.length) nodes.push(...joined(plainLines));
    plainLines = [];
  };
  for (const line of lines) {
    const quote = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quote) {
      endPlain();
      quoted.push(quote[1]);
    } else {
      endQuote();
      plainLines.push(line);
    }
  }
  endQuote();
  endPlain();
  return nodes;
}

const joined = (lines) => lines.flatMap((line, index) => (index ? [h("br"), ...inline(line)] : inline(line)));

const MARKS = [
  [/`([^`\n]+)`/y, (m) => h("code", {}, unescape(m[1])), false],
  [/<([^<>\n]+)>/y, (m) => angled(m[1]), false],
  [/:([a-z0-9_+-]+(?:::skin-tone-\d)?):/y, (m) => emoji(m[1]), false],
  [/\*(\S|\S[^\n]*?\S)\*(?![\p{L}\p{N}])/uy, (m) => h("strong", {}, inline(m[1])), true],
  [/_(\S|\S[^\n]*?\S)_(?![\p{L}\p{N}])/uy, (m) => h("em", {}, inline(m[1])), true],
  [/~(\S|\S[^\n]*?\S)~(?![\p{L}\p{N}])/uy, (m) => h("s", {}, inline(m[1])), true],
];

function inline(text) {
  const nodes = [];
  let loose = "";
  let at = 0;
  while (at < text.length) {
    const [node, end] = mark(text, at);
    if (node === null) {
      loose += text[at];
      at += 1;
      continue;
    }
    if (loose) nodes.push(unescape(loose));
    loose = "";
    nodes.push(node);
    at = end;
  }
  if (loose) nodes.push(unescape(loose));
  return nodes;
}

function mark(text, at) {
  const insideWord = at > 0 && /[\p{L}\p{N}]/u.test(text[at - 1]);
  for (const [pattern, make, onlyAtWordStart] of MARKS) {
    if (onlyAtWordStart && insideWord) continue;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    const end = pattern.lastIndex; // read before `make`, which may use the same pattern recursively
    if (found) return [make(found), end];
  }
  return [null, at];
}

function angled(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : unescape(inside.slice(bar + 1));
  const mention = (words) => h("span", { class: "mention" }, words);
  if (target.startsWith("@")) return mention(`@${people.get(target.slice(1)) ?? label ?? target.slice(1)}`);
  if (target.startsWith("#")) return mention(`#${(channels.get(target.slice(1)) ?? label ?? target.slice(1)).replace(/^#/, "")}`);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return mention(label ?? `@${target.slice(9)}`);
  if (target.startsWith("!")) return mention(`@${label ?? target.slice(1)}`);
  return link(unescape(target), label ?? unescape(target));
}

// <!date^1753000000^{date_short_pretty} {time}|fallback>
function date(target, label) {
  const [, seconds, format = ""] = target.split("^");
  const moment = new Date(Number(seconds) * 1000);
  if (Number.isNaN(moment.getTime())) return label ?? target;
  if (/^\{time(_secs)?\}$/.test(format)) return h("time", { datetime: moment.toISOString() }, moment.toLocaleTimeString());
  return h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, clock(moment));
}
