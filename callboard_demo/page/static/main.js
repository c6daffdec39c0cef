// The page: receives snapshots and passes each one to the panels.

import { listen } from "./api.js";
import { drawCluster } from "./cluster.js";
import { buildComposer, drawComposer } from "./composer.js";
import { byId, h, keyed } from "./dom.js";
import { drawMessages, followNewest, toNewest } from "./messages.js";
import { rememberNames } from "./mrkdwn.js";
import { drawPromotions } from "./promotions.js";
import { drawPulls } from "./pulls.js";
import { drawRegistry } from "./registry.js";
import { buildFaults, drawFaults } from "./faults.js";

let state = null;
const present = { person: null, channel: null }; // the selected person and channel

function draw() {
  if (state === null) return;
  present.person ??= state.people[0]?.id ?? null;
  present.channel ??= state.channels[0]?.id ?? null;
  rememberNames(state);
  keyed(byId("channels"), state.channels.map((c) => ({ ...c, chosen: c.id === present.channel })), (c) => c.id, channel);
  drawMessages(state, present);
  drawComposer(state, present);
  drawPromotions(state);
  drawPulls(state);
  drawCluster(state);
  drawRegistry(state);
  drawFaults(state);
}

function channel(item) {
  const name = item.name.startsWith("#") ? item.name : `#${item.name}`;
  const choose = () => {
    present.channel = item.id;
    draw();
    toNewest();
  };
  return h("button", { type: "button", class: item.chosen ? "chosen" : "", "aria-pressed": String(item.chosen), onclick: choose }, name);
}

function actAs(id) {
  present.person = id;
  draw();
}

function showTab(name) {
  document.body.dataset.tab = name;
  for (const button of document.querySelectorAll(".tabs button")) button.setAttribute("aria-pressed", String(button.dataset.tab === name));
  if (name === "chat") toNewest();
}

followNewest();
buildFaults();
buildComposer(actAs, () => {
  draw();
  toNewest();
});
for (const button of document.querySelectorAll(".tabs button")) button.addEventListener("click", () => showTab(button.dataset.tab));
showTab("chat");
listen(
  (snapshot) => {
    state = snapshot;
    draw();
  },
  (connected) => {
    byId("offline").hidden = connected;
  },
);
