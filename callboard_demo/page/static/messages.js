// The channel: messages with their reactions and threads, ephemeral replies, and commands typed here.

import { confirmed, order } from "./api.js";
import { blocks } from "./blocks.js";
import { byId, clock, h, keyed, plural } from "./dom.js";
import { emoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

const QUICK = ["white_check_mark", "x"];
const typed = []; // commands sent from this page, with their outcome: Slack does not show commands as messages
let following = true; // scrolled to the newest message
let ui = null; // {person, channel, people}: the selected person and channel, and all people by id

/** Remember a command that was typed here. `at` is when (ms), so that it sorts above its reply. */
export function remember(at, person, channel, text, answer) {
  typed.push({ ts: String(at / 1000), typed: true, person, channel, text, ms: answer?.ms ?? null, ok: answer?.ok === true });
}

/** Show everything in the channel, oldest first. */
export function drawMessages(state, present) {
  ui = { ...present, people: new Map(state.people.map((p) => [p.id, p])) };
  const here = (item) => item.channel === ui.channel;
  const items = [
    ...state.messages.filter(here),
    ...state.private.filter(here).map((item) => ({ ...item, private: true })),
    ...typed.filter(here),
  ];
  items.sort((a, b) => Number(a.ts) - Number(b.ts));
  // The selected person's own reactions are highlighted, so that person is part of the item.
  const rows = items.map((item) => ({ ...item, me: item.reactions?.length ? ui.person : null }));
  const grown = byId("messages").children.length < rows.length;
  keyed(byId("messages"), rows, (item) => `${item.ts}${item.typed ? "t" : item.private ? "p" : ""}`, make);
  if (following) toNewest();
  else if (grown) byId("down").hidden = false;
}

/** Scroll to the newest message, and follow new ones until the reader scrolls away. */
export function toNewest() {
  const scroll = byId("scroll");
  following = true;
  scroll.scrollTop = scroll.scrollHeight;
  byId("down").hidden = true;
}

/** Keep the newest message in view when sizes change, unless the reader has scrolled away. */
export function followNewest() {
  const scroll = byId("scroll");
  byId("down").addEventListener("click", toNewest);
  scroll.addEventListener("scroll", () => {
    following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    if (following) byId("down").hidden = true;
  });
  const resized = new ResizeObserver(() => {
    if (following) toNewest();
  });
  for (const box of [scroll, byId("messages")]) resized.observe(box);
}

function make(item) {
  if (item.typed) return typedLine(item);
  return item.private ? ephemeral(item) : message(item);
}

function typedLine(item) {
  const outcome = !item.ok ? "no reply" : item.ms === null ? "" : `replied in ${Math.round(item.ms)} ms`;
  return h("article", { class: "typed" }, h("b", {}, item.person), " typed ", h("code", {}, item.text),
    outcome ? h("span", { class: "quiet" }, outcome) : null);
}

function ephemeral(item) {
  const name = ui.people.get(item.to)?.name ?? item.to;
  return h("article", { class: "message ephemeral" },
    avatar("callboard", true),
    h("div", { class: "content" },
      h("p", { class: "only" }, `Only visible to ${name}`),
      h("p", { class: "who" }, h("b", {}, "Callboard"), h("span", { class: "tag" }, "app"), h("time", {}, clock(Number(item.ts) * 1000))),
      content(item)));
}

function message(item) {
  const app = !ui.people.has(item.user);
  return h("article", { class: `message${app ? " app" : ""}` },
    avatar(item.name, app),
    h("div", { class: "content" },
      h("p", { class: "who" },
        h("b", {}, app ? "Callboard" : item.name),
        app ? h("span", { class: "tag" }, "app") : null,
        h("time", {}, clock(Number(item.ts) * 1000))),
      content(item),
      reactions(item),
      thread(item)));
}

function content(item) {
  const body = item.blocks?.length ? blocks(item.blocks, (button) => press(item.ts, button)) : mrkdwn(item.text ?? "");
  return h("div", { class: "body" }, body, item.edited && !item.blocks?.length ? h("span", { class: "quiet" }, " (edited)") : null);
}

async function press(ts, button) {
  const ask = button.confirm;
  const text = (part, otherwise) => part?.text ?? otherwise;
  const sure = !ask || await confirmed({
    title: text(ask.title, "Are you sure?"), text: text(ask.text, ""), confirm: text(ask.confirm, "Yes"),
    deny: text(ask.deny, "Cancel"), danger: ask.style === "danger" || button.style === "danger",
  });
  if (sure) await order("click", { as: ui.person, ts, action_id: button.action_id });
}

function reactions(item) {
  const given = item.reactions ?? [];
  const pills = given.map((reaction) => {
    const mine = reaction.users.includes(ui.person);
    const names = reaction.users.map((id) => ui.people.get(id)?.name ?? "callboard").join(", ");
    return pill(item.ts, reaction.name, mine, [emoji(reaction.name), h("b", {}, String(reaction.users.length))], `${names} reacted with :${reaction.name}:`);
  });
  const quick = QUICK.filter((name) => !given.some((reaction) => reaction.name === name))
    .map((name) => pill(item.ts, name, null, [emoji(name)], `React with :${name}:`));
  return h("div", { class: "reactions" }, pills, quick);
}

function pill(ts, name, mine, inside, title) {
  const style = mine === null ? "pill quick" : mine ? "pill mine" : "pill";
  const click = () => order("react", { as: ui.person, ts, emoji: name, remove: mine === true });
  return h("button", { type: "button", class: style, title, "aria-label": title, "aria-pressed": mine === null ? null : String(mine), onclick: click }, inside);
}

function thread(item) {
  const replies = item.thread ?? [];
  if (!replies.length) return null;
  return h("div", { class: "thread" },
    h("p", { class: "quiet" }, plural(replies.length, "reply").replace("replys", "replies")),
    replies.map((reply) => h("div", { class: "reply" },
      h("p", { class: "who" }, h("b", {}, ui.people.has(reply.user) ? reply.name : "Callboard"), h("time", {}, clock(Number(reply.ts) * 1000))),
      content(reply),
      reply.reactions?.length ? reactions(reply) : null)));
}

/** Return the avatar of a person, or of the app. */
export function avatar(name, app = false) {
  if (app) return h("img", { class: "avatar", src: "/static/icon.svg", alt: "" });
  return h("span", { class: `avatar of-${name}`, "aria-hidden": "true" }, (name[0] ?? "?").toUpperCase());
}
