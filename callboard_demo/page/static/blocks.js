// Renders Slack's blocks. https://docs.slack.dev/reference/block-kit/blocks
// An unknown block type is shown by its name; nothing is guessed.

import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { markdown } from "./markdown.js";
import { mrkdwn, plain } from "./mrkdwn.js";

/** Return the elements of a message's blocks. `press(button)` is called when one of its buttons is clicked. */
export function blocks(list, press) {
  return list.map((block) => (BLOCKS[block.type] ?? unknown)(block, press));
}

const words = (text) => {
  if (!text) return [];
  if (typeof text === "string") return mrkdwn(text);
  return text.type === "mrkdwn" ? mrkdwn(text.text) : [plain(text.text ?? "")];
};

const BLOCKS = {
  header: (block) => h("h3", { class: "b-header" }, words(block.text)),
  divider: () => h("hr"),
  markdown: (block) => h("div", { class: "b-markdown prose" }, markdown(block.text ?? "")),
  context: (block, press) => h("div", { class: "b-context" }, (block.elements ?? []).map((e) => h("span", {}, element(e, press)))),
  actions: (block, press) => h("div", { class: "buttons" }, (block.elements ?? []).map((e) => element(e, press))),
  section: (block, press) => h("div", { class: "b-section" },
    h("div", { class: "b-text" },
      words(block.text),
      block.fields ? h("div", { class: "b-fields" }, block.fields.map((field) => h("div", {}, words(field)))) : null),
    block.accessory ? element(block.accessory, press) : null),
  table: (block) => h("div", { class: "sideways" }, h("table", {}, (block.rows ?? []).map((row, at) =>
    h("tr", {}, row.map((cell, column) =>
      h(at ? "td" : "th", { class: block.column_settings?.[column]?.align === "right" ? "number" : null }, rich(cell))))))),
  rich_text: (block) => h("div", { class: "b-rich" }, rich(block)),
  image: (block) => h("p", { class: "quiet" }, `🖼 ${block.alt_text ?? "a picture"}`),
};

const unknown = (block) => h("p", { class: "quiet" }, `(a “${block.type}” block)`);

function element(item, press) {
  if (item.type === "button") {
    const style = item.style === "primary" || item.style === "danger" ? item.style : "";
    if (item.url) return link(item.url, words(item.text));
    return h("button", { type: "button", class: `button ${style}`, onclick: () => press(item) }, words(item.text));
  }
  if (item.type === "image") return item.alt_text ?? "";
  return words(item);
}

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code" };

function rich(item) {
  const inside = () => (item.elements ?? []).flatMap((child) => rich(child));
  switch (item.type) {
    case "raw_text": return [item.text];
    case "raw_number": return [String(item.text ?? item.value)];
    case "text": return [Object.entries(STYLES).reduce((node, [style, tag]) => (item.style?.[style] ? h(tag, {}, node) : node), item.text)];
    case "link": return [link(item.url, item.text ?? item.url)];
    case "emoji": return [emoji(item.name)];
    case "user": return mrkdwn(`<@${item.user_id}>`);
    case "usergroup": return mrkdwn(`<!subteam^${item.usergroup_id}>`);
    case "broadcast": return mrkdwn(`<!${item.range}>`);
    case "channel": return mrkdwn(`<#${item.channel_id}>`);
    case "rich_text_preformatted": return [h("pre", {}, inside())];
    case "rich_text_quote": return [h("blockquote", {}, inside())];
    case "rich_text_list": return [h(item.style === "ordered" ? "ol" : "ul", {}, (item.elements ?? []).map((e) => h("li", {}, rich(e))))];
    case "rich_text_section": return [h("p", {}, inside())];
    default: return inside();
  }
}
