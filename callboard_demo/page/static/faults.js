// The bot's process, and faults injected into the systems around it.

import { order } from "./api.js";
import { byId, h, keyed, show } from "./dom.js";

const SYSTEMS = [["slack", "Slack"], ["github", "GitHub"], ["kubernetes", "Kubernetes"], ["mlflow", "MLflow"]];
const KINDS = { down: "is down", lost_answer: "drops its replies" };
const DURATION = 15; // seconds

/** Build the fault menu once. */
export function buildFaults() {
  const fault = (system, kind) => () => order("fault", { system, kind, seconds: DURATION });
  byId("faultmenu").querySelector(".sheet").append(
    h("p", { class: "quiet" }, `Make one system fail for ${DURATION} seconds. Nothing should get lost.`),
    ...SYSTEMS.map(([system, name]) => h("div", { class: "fault" },
      h("b", {}, name),
      h("button", { type: "button", class: "chip", title: `${name} drops every connection`, onclick: fault(system, "down") }, "Down"),
      h("button", { type: "button", class: "chip", title: `Writes to ${name} take effect, but the reply never arrives`, onclick: fault(system, "lost_answer") }, "Drop replies"))));
  document.addEventListener("click", (event) => {
    if (!byId("faultmenu").contains(event.target)) byId("faultmenu").open = false;
  });
}

/** Show whether the bot is running, and which systems are failing. */
export function drawFaults(state) {
  show(byId("bot"), state.bot, bot);
  const failing = SYSTEMS.filter(([system]) => system in state.faults)
    .map(([system, name]) => ({ system, name, ...state.faults[system] }));
  keyed(byId("faults"), failing, (fault) => fault.system, (fault) =>
    h("span", { class: "badge bad" }, `${fault.name} ${KINDS[fault.kind] ?? fault.kind} · ${Math.ceil(fault.seconds)} s`));
}

function bot({ alive, ready, last_words: words, exit }) {
  const dead = exit === null || exit === undefined ? "The bot is down" : `The bot exited (${exit})`;
  const state = !alive ? dead : ready === false ? "The bot is starting …" : "The bot is running";
  const color = !alive ? "bad" : ready === false ? "busy" : "good";
  const act = (what) => async (event) => {
    event.target.disabled = true;
    await order("bot", { do: what });
    event.target.disabled = false;
  };
  return [
    h("span", { class: `life ${color}`, title: words || null }, h("span", { class: "dot" }), h("span", { class: "long" }, state), h("span", { class: "short" }, "bot")),
    alive
      ? h("button", { type: "button", class: "button danger", title: "kill -9: the bot gets no chance to shut down cleanly", onclick: act("kill") }, "Kill")
      : h("button", { type: "button", class: "button primary", onclick: act("start") }, "Start"),
  ];
}
