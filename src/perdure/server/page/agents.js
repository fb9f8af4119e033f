// Agents, and what they may spend.
import { get, id } from "./api.js";
import { fill, h, soon } from "./dom.js";
import { ago, count, date, money } from "./format.js";
import { command, empty, state } from "./parts.js";

export async function agents(main, { heard, signal }) {
  const place = h("div"), pools = h("div"), more = h("p");
  fill(main, h("div", { class: "head" }, h("h1", {}, "Agents")), pools, place, more);
  let limit = 100;
  const load = async () => {
    const [page, lines] = await Promise.all([get(`/agents?limit=${limit}`), budgets()]);
    if (signal.aborted) return;
    const of = (agent) => lines.filter((line) => line.scope.startsWith(`agent:${agent}:`));
    fill(pools, lines.filter((line) => !/^(agent|run):/.test(line.scope)).map((line) => h("div", { class: "pool" }, meter(line, `${name(line.scope)}, all of ${line.scope.split(":")[0]}`))));
    fill(place, page.items.length ? h("ul", { class: "agents" }, page.items.map((agent) => card(agent, of(agent.agent_id)))) : none());
    fill(more, page.next ? h("button", { type: "button", class: "more", onclick: () => { limit = Math.min(1000, limit * 2); load(); } }, "More agents") : "");
  };
  const again = soon(load, 1000);
  heard((event) => { if (event.type !== "now") again(); });
  await load();
}

async function budgets() {
  try {
    return (await get("/budget")).items;
  } catch (error) {
    if (error.status === 403 || error.status === 404) return [];
    throw error;
  }
}

function card(agent, lines) {
  return h("li", { class: "agent" },
    h("div", { class: "head" }, h("h2", {}, agent.agent_id), state(agent.status)),
    h("p", { class: "quiet" }, agent.spec && agent.spec !== agent.agent_id ? `${agent.spec} · ` : "",
      h("span", { title: date(agent.updated_at) }, `last at work ${ago(agent.updated_at)}`), ` · ${count(agent.records)} records`,
      agent.mail ? ` · ${count(agent.mail)} waiting` : ""),
    lines.map((line) => meter(line, name(line.scope))),
    h("p", {}, h("a", { href: `#/runs?${new URLSearchParams({ agent: agent.agent_id })}` }, "Its runs"),
      agent.active_run ? [" · ", h("a", { href: `#/runs/${id(agent.active_run)}` }, "The one under way")] : ""));
}

const name = (scope) => ({ day: "today", month: "this month", tick: "this turn" })[scope.split(":").at(-1)] || scope;

/** Money spent and set aside, of what may be spent. */
function meter(line, period) {
  const limit = line.limit_microusd;
  const share = (value) => (limit ? Math.min(100, (value / limit) * 100) : 0);
  const spent = h("span", { class: "spent", "data-low": String(limit !== null && line.remaining_microusd <= limit * 0.2) });
  const reserved = h("span", { class: "reserved" });
  spent.style.width = `${share(line.spent_microusd)}%`;
  reserved.style.width = `${Math.min(100 - share(line.spent_microusd), share(line.reserved_microusd))}%`;
  return h("div", { class: "meter" },
    h("p", {}, h("span", {}, `${money(line.spent_microusd)} ${period}`), h("span", { class: "quiet" },
      line.reserved_microusd ? `${money(line.reserved_microusd)} set aside, ` : "", limit === null ? "no limit" : `of ${money(limit)}`)),
    limit === null ? "" : h("div", { class: "track", "aria-hidden": "true" }, spent, reserved));
}

function none() {
  return empty("No agents yet.",
    h("p", {}, "An agent comes to be with the first message to it, or when you make one:"),
    command("perdure agents create agents/NAME.yaml"));
}
