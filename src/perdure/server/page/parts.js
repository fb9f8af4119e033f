// Pieces that several views are made of.
import { h } from "./dom.js";
import { text } from "./format.js";

const NAMES = {
  queued: "Queued", running: "Running", waiting: "Waiting", paused: "Paused", done: "Done", failed: "Failed",
  cancelled: "Cancelled", yielded: "At its limit", started: "Under way", in_doubt: "In doubt", interrupted: "Interrupted",
  created: "Created", active: "Active", dormant: "Asleep", quarantined: "Quarantined", terminated: "Ended",
};
const WAITS = {
  approval: "Needs a decision", in_doubt: "In doubt", budget: "Out of money", timer: "Sleeps", child: "Waits for a child",
  message: "Waits for a message", reply: "Waits for a reply", start: "Agent at rest",
};

/** The state as a word and a mark, in its colour. */
export function state(status, waitingFor = "") {
  const urgent = ["approval", "in_doubt", "budget", "start"].includes(waitingFor);
  const name = status === "waiting" && WAITS[waitingFor] ? WAITS[waitingFor] : NAMES[status] || status;
  return h("span", { class: "state", "data-state": status === "waiting" && urgent ? "urgent" : status }, name);
}

export const block = (value) => h("pre", { tabindex: "0" }, text(value));

/** A figure with its unit under it. */
export const figure = (value, name) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

export const empty = (title, ...more) => h("section", { class: "empty" }, h("h2", {}, title), ...more);

export const command = (words) => h("pre", { class: "command", tabindex: "0" }, words);

export function trouble(error) {
  return h("p", { class: "trouble", role: "alert" }, h("strong", {}, error.message), error.hint ? ` ${error.hint}` : "");
}
