// The list of runs, live.
import { get, id } from "./api.js";
import { asking } from "./asking.js";
import { fill, h, soon } from "./dom.js";
import { ago, count, date, duration, money, short } from "./format.js";
import { command, empty, state } from "./parts.js";

const FILTERS = [
  ["", "All"], ["status=queued&status=running", "At work"], ["status=waiting", "Waiting"], ["status=done", "Done"],
  ["status=failed&status=cancelled", "Failed"],
];
const PAGE = 50;

export async function runs(main, { query, heard, signal }) {
  const agent = query.get("agent") || "";
  const filter = query.get("filter") || "";
  const rows = new Map();
  let next = "";
  const list = h("ul", { class: "runs", "aria-label": "Runs, the newest first" });
  const more = h("button", { type: "button", class: "more", hidden: true, onclick: () => load(next) }, "Older runs");
  const body = h("div"), form = h("div");
  fill(main,
    h("div", { class: "head" }, h("h1", {}, agent ? `Runs of ${agent}` : "Runs"), filters(agent, filter)),
    agent && h("p", { class: "back" }, h("a", { href: "#/runs" }, "Runs of all agents")) || "",
    form, body, more);

  async function load(cursor = "") {
    const page = await get(`/runs?limit=${PAGE}&agent_id=${id(agent)}&${filter}${cursor ? `&cursor=${cursor}` : ""}`);
    if (signal.aborted) return;
    if (!cursor) rows.clear();
    for (const run of page.items) rows.set(run.run_id, run);
    next = page.next;
    await draw();
  }
  async function draw() {
    more.hidden = !next;
    if (!rows.size) return fill(body, await nothing(agent, filter));
    fill(list, [...rows.values()].map(row));
    if (!list.isConnected) fill(body, list);
  }
  const again = soon(() => load(), 300);
  heard((event) => { if (event.run_id && (!agent || event.agent_id === agent)) again(); });
  const clock = setInterval(() => { if (rows.size && !document.hidden) draw(); }, 30000);
  signal.addEventListener("abort", () => clearInterval(clock));
  await Promise.all([load(), asking(agent).then((found) => fill(form, found))]);
}

function filters(agent, chosen) {
  return h("nav", { class: "filters", "aria-label": "Which runs" }, FILTERS.map(([query, name]) => {
    const said = new URLSearchParams({ ...(agent && { agent }), ...(query && { filter: query }) });
    return h("a", { href: `#/runs?${said}`, "aria-current": query === chosen ? "true" : null }, name);
  }));
}

function row(run) {
  const status = run.interrupted ? "interrupted" : run.status;
  return h("li", {}, h("a", { class: "run", href: `#/runs/${id(run.run_id)}`, "data-key": run.run_id },
    state(status, run.waiting_for),
    h("span", { class: "who" }, h("strong", {}, run.agent_id),
      h("small", {}, run.spec && run.spec !== run.agent_id ? `${run.spec} · ` : "", h("code", {}, short(run.run_id)))),
    h("span", { class: "num", title: date(run.created_at) }, ago(run.created_at)),
    h("span", { class: "num" }, duration(run.duration_ms)),
    h("span", { class: "num" }, `${count(run.steps)} ${run.steps === 1 ? "step" : "steps"}`),
    h("span", { class: "num" }, `${count((run.usage.input_tokens ?? 0) + (run.usage.output_tokens ?? 0))} tokens`),
    h("span", { class: "num cost" }, money(run.cost_microusd))));
}

async function nothing(agent, filter) {
  if (filter) return empty("No run is in this state.", h("p", {}, h("a", { href: "#/runs" }, "Look at all runs")));
  const specs = await get("/specs").catch(() => ({ items: [] }));
  const found = (specs.items || specs)[0];
  const name = found ? found.name : "NAME";
  return empty(agent ? "This agent has not been asked anything yet." : "Nothing has run yet.",
    found ? h("p", {}, "Ask an agent, and its run appears here while it works:")
      : h("p", {}, "Describe an agent in a file of the folder ", h("code", {}, "agents"), ", and ask it:"),
    command(`perdure run ${found ? found.file : "agents/NAME.yaml"} --input "Hello"`),
    h("p", {}, "or over HTTP:"),
    command(`curl ${location.origin}/invoke -H "Authorization: Bearer $(cat .perdure/token)" \\\n  -d '{"spec": "${name}", "input": "Hello"}'`));
}
