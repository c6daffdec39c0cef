// The cluster panel: workloads, their pods, and the version that each pod reports.

import { byId, h, keyed, plural } from "./dom.js";

/** Show every workload with its pods. */
export function drawCluster(state) {
  const groups = state.workloads.map((workload) => ({ ...workload, pods: [] }));
  for (const { age_s: _, ...pod } of state.pods) {
    const owner = groups.filter((group) => pod.namespace === group.namespace && pod.name.startsWith(`${group.name}-`))
      .sort((a, b) => b.name.length - a.name.length)[0];
    if (owner) owner.pods.push(pod);
    else groups.push({ name: pod.name, namespace: pod.namespace, replicas: 1, pods: [pod] });
  }
  groups.sort((a, b) => a.name.localeCompare(b.name));
  byId("n-cluster").textContent = state.pods.length ? plural(state.pods.length, "pod") : "";
  const items = groups.length ? groups : [{ name: "none" }];
  keyed(byId("cluster"), items, (group) => group.name, (group) => (group.name === "none" ? empty() : workload(group)));
}

const empty = () => h("p", { class: "empty" }, "No workloads yet. The GitOps agent will apply them shortly.");

function workload(group) {
  const ready = group.pods.filter((pod) => pod.ready && !pod.terminating).length;
  const whole = ready >= (group.replicas ?? 0);
  return h("article", { class: "workload" },
    h("header", {},
      h("h3", {}, group.name),
      h("span", { class: `badge ${whole ? "good" : "busy"}` }, `${ready} of ${group.replicas ?? 0} ready`),
      group.kind === "StatefulSet" ? h("span", { class: "quiet" }, "StatefulSet") : null,
      group.revision ? h("span", { class: "quiet" }, `revision ${group.revision}`) : null),
    troubled(group.condition) ? h("p", { class: "because" }, condition(group.condition)) : null,
    h("div", { class: "pods" }, [...group.pods].sort((a, b) => a.name.localeCompare(b.name)).map(pod)));
}

const condition = (value) => (typeof value === "string" ? value : [value?.reason, value?.message].filter(Boolean).join(": "));
const troubled = (value) => /Deadline|Failure|Failed|Error/.test(condition(value) ?? "");

function pod(item) {
  const bad = /BackOff|Error|Err|Failed|OOM|Invalid/.test(item.status);
  const color = item.terminating ? "leaving" : item.ready ? "good" : bad ? "bad" : "busy";
  const serves = item.serves ?? null;
  const differs = serves !== null && item.pin_version !== null && String(serves) !== String(item.pin_version);
  const status = item.terminating ? "Terminating" : item.ready ? "Ready" : item.status === "Running" ? "Starting" : item.status;
  return h("div", { class: `pod ${color}`, title: `${item.name}\n${item.ip ?? "no address yet"}${item.port ? `:${item.port}` : ""}` },
    h("p", { class: "serves" }, serves === null ? h("span", { class: "quiet" }, "—") : h("b", {}, `v${serves}`)),
    h("p", { class: "status" }, h("span", { class: "dot" }), status.replace(/([a-z])([A-Z])/g, "$1\u200b$2")),
    h("p", { class: differs ? "pin differs" : "pin" }, item.pin_version ? `pinned v${item.pin_version}` : "no pin",
      item.restarts ? h("span", { class: "restarts" }, plural(item.restarts, "restart")) : null),
    h("p", { class: "name" }, item.name.split("-").slice(-2).join("-")));
}
