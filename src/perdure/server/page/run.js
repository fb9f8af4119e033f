// One run: what it was asked, what it says, what it waits for, and its course.
import { follow, get, id, post } from "./api.js";
import { show as showApprovals } from "./approvals.js";
import { fill, h, soon } from "./dom.js";
import { count, date, duration, money, text } from "./format.js";
import { block, command, figure, state, trouble } from "./parts.js";
import { waterfall } from "./waterfall.js";

const ENDED = ["done", "failed", "cancelled"];
const KINDS = ["accepted", "text", "thinking", "restart", "model", "tool_start", "tool_end", "waiting", "resumed", "warning", "result"];

export async function run(main, { parts, signal }) {
  const runId = parts[1];
  const open = new Set();
  const head = h("div"), asked = h("div", { class: "cards" }), input = h("section"), output = h("section", { "aria-live": "polite" }), course = h("div");
  let drawn = "";
  const speaking = new Map();
  fill(main, h("p", { class: "back" }, h("a", { href: "#/runs" }, "All runs")), head, asked,
    h("div", { class: "talk" }, input, output),
    h("section", { class: "course", "aria-labelledby": "course" }, h("h2", { id: "course" }, "Timeline"), course));

  async function load() {
    const [detail, tree] = await Promise.all([get(`/runs/${id(runId)}`), get(`/traces/${id(runId)}`)]);
    if (signal.aborted) return;
    document.title = `${detail.summary.agent_id} · Perdure`;
    const now = JSON.stringify([detail, tree]);
    if (now === drawn) return;
    drawn = now;
    fill(head, title(detail, load));
    fill(input, h("h2", {}, "Asked"), said(detail.input));
    if (ENDED.includes(detail.summary.status) || detail.output !== null) speaking.clear();
    speak(detail);
    await questions(detail);
    waterfall(course, tree, open);
  }
  function speak(detail = null) {
    const live = [...speaking.values()].join("\n\n");
    if (live) return fill(output, h("h2", {}, "Answers"), h("p", { class: "said speaking" }, live));
    if (detail === null) return;
    if (detail.error) return fill(output, h("h2", {}, "Went wrong"), trouble({ message: detail.error.message, hint: detail.error.hint }), h("p", { class: "quiet" }, h("code", {}, detail.error.code)));
    if (detail.output !== null) return fill(output, h("h2", {}, "Answer"), said(detail.output));
    fill(output, h("h2", {}, "Answer"), h("p", { class: "quiet" }, "Not yet."));
  }
  async function questions({ summary, waits }) {
    if (!waits.some((wait) => wait.kind === "approval")) return fill(asked, waits.map((wait) => hint(summary, wait)));
    const page = await get(`/approvals?agent_id=${id(summary.agent_id)}&limit=200`);
    if (!signal.aborted) showApprovals(asked, page.items.filter((one) => one.run_id === runId), again);
  }
  const again = soon(load, 150);
  const stop = follow(`/runs/${id(runId)}/events`, KINDS, (event) => {
    switch (event.type) {
      case "text":
        speaking.set(event.key, event.replaces ? event.text : (speaking.get(event.key) || "") + event.text);
        return speak();
      case "restart":
        speaking.delete(event.key || "");
        return speak();
      case "model":
        speaking.clear();
        return again();
      case "result":
        if (event.result && ENDED.includes(event.result.status)) stop();
        return again();
      case "thinking":
        return undefined;
      default:
        return again();
    }
  }, { signal });
  const clock = setInterval(() => { if (!document.hidden && drawn && /"status":"(running|queued)"/.test(drawn)) again(); }, 2000);
  signal.addEventListener("abort", () => clearInterval(clock));
  await load();
}

function title({ summary, records, budget_microusd, sender }, load) {
  const status = summary.interrupted ? "interrupted" : summary.status;
  return [
    h("div", { class: "head" }, h("h1", {}, summary.agent_id), state(status, summary.waiting_for), actions(summary, load)),
    h("dl", { class: "figures" },
      figure(duration(summary.duration_ms), "Time"), figure(count(summary.steps), "Steps"),
      figure(count(summary.usage.input_tokens), "Tokens in"), figure(count(summary.usage.output_tokens), "Tokens out"),
      figure(money(summary.cost_microusd), budget_microusd === null ? "Cost" : `Cost, of ${money(budget_microusd)}`)),
    h("p", { class: "quiet" }, h("code", {}, summary.run_id), ` · ${summary.spec} · asked ${date(summary.created_at)}`,
      sender ? ` by ${sender}` : "", ` · ${count(records)} records`),
  ];
}

function actions({ run_id, status }, load) {
  const verbs = [];
  if (["running", "waiting", "queued"].includes(status)) verbs.push(["pause", "Pause"]);
  if (["paused", "yielded", "failed"].includes(status)) verbs.push(["resume", "Resume"]);
  if (!ENDED.includes(status)) verbs.push(["cancel", "Cancel"]);
  const news = h("span", { role: "status" });
  return h("p", { class: "actions" }, verbs.map(([verb, name]) => h("button", {
    type: "button", "data-key": verb,
    onclick: async (event) => {
      if (verb === "cancel" && !confirm("Cancel this run? What it has done stays done.")) return;
      event.currentTarget.disabled = true;
      try { await post(`/runs/${id(run_id)}/${verb}`); await load(); } catch (error) { fill(news, error.message); }
    },
  }, name)), news);
}

const said = (value) => (typeof value === "string" ? h("p", { class: "said" }, value) : block(value ?? null));

/** What to do where a run waits for something that is not decided on this page. */
function hint(summary, wait) {
  if (wait.kind === "in_doubt") {
    return h("article", { class: "approval" }, h("h2", {}, `In doubt: ${wait.key}`),
      h("p", {}, "It was begun, and nobody knows whether it happened. Look at the other side, then say one of:"),
      command(["--done JSON", "--retry", "--fail"].map((how) => `perdure resolve ${summary.run_id} ${wait.key} ${how}`).join("\n")),
      wait.about.request ? block(wait.about.request) : "");
  }
  if (wait.kind === "budget") {
    return h("article", { class: "approval" }, h("h2", {}, "Out of money"),
      h("p", {}, `${money(wait.about.amount_microusd || 0)} does not fit into ${wait.about.scope || "its budget"}. Raise it:`),
      command(`perdure budget ${wait.about.scope || "SCOPE"} --set AMOUNT`));
  }
  if (wait.kind === "start") {
    return h("article", { class: "approval" }, h("h2", {}, `Its agent is ${wait.about.status}`), command(`perdure agents wake ${wait.about.agent}`));
  }
  return h("p", { class: "quiet" }, `Waits for ${wait.kind}${wait.due ? ` until ${date(wait.due)}` : ""} at ${text(wait.key)}.`);
}
