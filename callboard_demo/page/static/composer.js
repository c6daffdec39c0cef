// The composer: the person to act as, the input line, and completion of commands, models and stages.

import { order } from "./api.js";
import { byId, h, keyed, show } from "./dom.js";
import { avatar, remember } from "./messages.js";

const SUGGESTED = ["/promote iris-classifier production", "/models", "/promotions", "/rollback iris-classifier production"];
const SEEN = "callboard.hint.seen";

const sentLines = []; // oldest first, for ↑ and ↓
let place = { person: null, channel: null };
let commands = [];
let models = [];
let stages = ["staging", "production"];
let choose = () => {};
let input = null;
let recalled = 0;

/** Build the composer once. `chosen(id)` is called when another person is selected; `sent()` after a line was sent. */
export function buildComposer(chosen, sent) {
  choose = chosen;
  input = h("input", {
    id: "line", type: "text", autocomplete: "off", spellcheck: "false", maxlength: "3000", enterkeyhint: "send",
    "aria-label": "Message or command", oninput: hints, onkeydown: key, onblur: () => setTimeout(() => hints(false), 150), onfocus: hints,
  });
  byId("composer").append(
    h("div", { class: "people", id: "people", role: "radiogroup", "aria-label": "Act as" }),
    h("form", { class: "line", onsubmit: (event) => send(event, sent) },
      h("div", { class: "hints", id: "hints", hidden: true }),
      input,
      h("button", { class: "button primary", type: "submit" }, "Send")),
    h("div", { class: "suggested" }, SUGGESTED.map((text) => h("button", { type: "button", class: "chip", onclick: () => fill(text) }, text))));
}

/** Show the people and which one is selected; on a first visit, also show what to do. */
export function drawComposer(state, present) {
  place = present;
  commands = state.commands;
  models = state.models.map((model) => model.name);
  stages = [...new Set([...stages, ...state.pods.map((pod) => pod.stage).filter(Boolean)])];
  const people = state.people.map((person) => ({ ...person, chosen: person.id === present.person }));
  keyed(byId("people"), people, (person) => person.id, personChip);
  const me = state.people.find((person) => person.id === present.person);
  const channel = state.channels.find((c) => c.id === present.channel);
  input.placeholder = `Message ${channel?.name ?? ""} as ${me?.name ?? "…"}, or type / for commands`;
  const fresh = state.promotions.length === 0 && !localStorage.getItem(SEEN);
  show(byId("hint"), { fresh }, () => (fresh ? hint() : []));
}

function personChip(person) {
  return h("button", {
    type: "button", role: "radio", "aria-checked": String(person.chosen), class: `person${person.chosen ? " chosen" : ""}`,
    title: `Act as ${person.name} (${person.role})`, "data-person": person.name, onclick: () => choose(person.id),
  }, avatar(person.name), h("span", {}, h("b", {}, person.name), h("small", {}, person.role)));
}

function hint() {
  const seen = () => {
    localStorage.setItem(SEEN, "yes");
    byId("hint").replaceChildren();
  };
  return h("aside", { class: "hint" },
    h("h3", {}, "Take a model to production"),
    h("ol", {},
      h("li", {}, "As ", h("b", {}, "alice"), ", send ", h("code", {}, SUGGESTED[0]), ". Callboard opens a pull request."),
      h("li", {}, "Act as ", h("b", {}, "bob"), ", then as ", h("b", {}, "carol"), ", and click ✅ on the message. Alice can't approve her own request."),
      h("li", {}, "Watch the new pods start. Callboard checks each one by asking it which version it serves.")),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button primary", onclick: () => fill(SUGGESTED[0]) }, "Type it for me"),
      h("button", { type: "button", class: "button", onclick: seen }, "Hide this")));
}

function fill(text) {
  input.value = text;
  input.focus();
  hints(false);
}

async function send(event, sent) {
  event.preventDefault();
  const text = input.value.trim();
  if (!text || !place.person) return;
  const { person, channel } = place;
  const name = byId("people").querySelector(".chosen")?.dataset.person ?? person;
  input.value = "";
  hints(false);
  sentLines.push(text);
  recalled = sentLines.length;
  const at = Date.now();
  const answer = await order("say", { as: person, channel, text });
  if (answer === null) input.value ||= text;
  else if (text.startsWith("/")) remember(at, name, channel, text, answer);
  sent();
}

function key(event) {
  if (event.key === "Tab" && !byId("hints").hidden && !event.shiftKey) {
    event.preventDefault();
    byId("hints").querySelector("button")?.click();
  } else if (event.key === "Escape") {
    hints(false);
  } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && sentLines.length) {
    event.preventDefault();
    recalled = Math.min(sentLines.length, Math.max(0, recalled + (event.key === "ArrowUp" ? -1 : 1)));
    fill(sentLines[recalled] ?? "");
  }
}

/** Show completions for the next word: a command, then a model, then a stage. `hints(false)` hides them. */
function hints(wanted) {
  const offers = wanted === false ? [] : next(input.value);
  byId("hints").hidden = offers.length === 0;
  byId("hints").replaceChildren(...offers.map(([text, usage, about]) =>
    h("button", { type: "button", onmousedown: (event) => event.preventDefault(), onclick: () => take(text) },
      h("b", {}, text), h("span", {}, usage), h("small", {}, about))));
}

function take(text) {
  const words = input.value.split(/\s+/);
  words[words.length - 1] = text;
  input.value = `${words.join(" ")} `;
  input.focus();
  hints();
}

function next(line) {
  if (!line.startsWith("/")) return [];
  const words = line.split(/\s+/);
  const begun = words.at(-1).toLowerCase();
  const offer = (names, about) => names.filter((name) => name.startsWith(begun) && name !== begun).map((name) => [name, "", about]);
  if (words.length === 1) return commands.filter(({ name }) => name.startsWith(begun)).map(({ name, usage, about }) => [name, usage, about]);
  const wanted = commands.find(({ name }) => name === words[0])?.usage.split(/[\s[\]|]+/).filter(Boolean)[words.length - 2];
  if (wanted === "MODEL") return offer(models, "model");
  return wanted === "STAGE" ? offer(stages, "stage") : [];
}
