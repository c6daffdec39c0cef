// The bot's life, and faults of the systems around it.

import { order } from "./api.js";
import { byId, h, keyed, show } from "./dom.js";

const SYSTEMS = [["slack", "Slack"], ["github", "GitHub"], ["kubernetes", "Kubernetes"], ["mlflow", "MLflow"]];
const KINDS = { down: "does not answer", lost_answer: "loses its answers" };
const LASTING = 15; // seconds

/** Build the sheet of faults once. */
export function buildTrouble() {
  const fault = (system, kind) => () => order("fault", { system, kind, seconds: LASTING });
  byId("trouble").querySelector(".sheet").append(
    h("p", { class: "quiet" }, `For ${LASTING} seconds, one system fails. Nothing may be lost by it.`),
    ...SYSTEMS.map(([system, name]) => h("div", { class: "fault" },
      h("b", {}, name),
      h("button", { type: "button", class: "chip", title: `${name} drops every connection`, onclick: fault(system, "down") }, "Down"),
      h("button", { type: "button", class: "chip", title: `Writes to ${name} take effect, their answers never come`, onclick: fault(system, "lost_answer") }, "Lose answers"))));
  document.addEventListener("click", (event) => {
    if (!byId("trouble").contains(event.target)) byId("trouble").open = false;
  });
}

/** Show whether the bot lives, and what fails at present. */
export function drawTrouble(state) {
  show(byId("bot"), state.bot, bot);
  const failing = SYSTEMS.filter(([system]) => system in state.faults)
    .map(([system, name]) => ({ system, name, ...state.faults[system] }));
  keyed(byId("faults"), failing, (fault) => fault.system, (fault) =>
    h("span", { class: "badge bad" }, `${fault.name} ${KINDS[fault.kind] ?? fault.kind} · ${Math.ceil(fault.seconds)} s`));
}

function bot({ alive, ready, last_words: words, exit }) {
  const dead = exit === null || exit === undefined ? "The bot is down" : `The bot ended (${exit})`;
  const state = !alive ? dead : ready === false ? "The bot starts …" : "The bot runs";
  const look = !alive ? "bad" : ready === false ? "busy" : "good";
  const act = (what) => async (event) => {
    event.target.disabled = true;
    await order("bot", { do: what });
    event.target.disabled = false;
  };
  return [
    h("span", { class: `life ${look}`, title: words || null }, h("span", { class: "dot" }), h("span", { class: "long" }, state), h("span", { class: "short" }, "bot")),
    alive
      ? h("button", { type: "button", class: "button danger", title: "kill -9: it gets no chance to tidy up", onclick: act("kill") }, "Kill")
      : h("button", { type: "button", class: "button primary", onclick: act("start") }, "Start"),
  ];
}
