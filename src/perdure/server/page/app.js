// The page: which view is shown, and the one stream of events that all views hear.
import { agents } from "./agents.js";
import { follow, get } from "./api.js";
import { approvals } from "./approvals.js";
import { fill, h, soon } from "./dom.js";
import { command, empty, trouble } from "./parts.js";
import { run } from "./run.js";
import { runs } from "./runs.js";

const VIEWS = { runs, approvals, agents };
const KINDS = ["now", "accepted", "waiting", "resumed", "result", "agent", "budget"];
const main = document.getElementById("main");
const live = document.getElementById("live");
const badge = document.getElementById("asked");
const listeners = new Set();
let leaving = new AbortController();

async function show() {
  leaving.abort();
  leaving = new AbortController();
  listeners.clear();
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decodeURIComponent);
  const name = VIEWS[parts[0]] ? parts[0] : "runs";
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Perdure`;
  const view = name === "runs" && parts[1] ? run : VIEWS[name];
  const { signal } = leaving;
  try {
    await view(main, { parts, query: new URLSearchParams(query), heard: (listener) => listeners.add(listener), signal });
  } catch (error) {
    if (!signal.aborted) refused(error);
  }
}

function refused(error) {
  if (error.status === 401) {
    live.hidden = true;
    return fill(main, empty("Log in", h("p", {}, "Where the server runs, let it make a link for you, good once:"), command("perdure open")));
  }
  fill(main, trouble(error), h("p", {}, h("button", { type: "button", onclick: show }, "Try again"), " ", h("a", { href: "#/runs" }, "All runs")));
  return undefined;
}

const STATES = { connecting: "Connecting", live: "Live", lost: "Reconnecting" };

function tell(state) {
  live.dataset.state = state;
  live.textContent = STATES[state];
}

const counted = soon(async () => {
  const { items } = await get("/approvals?limit=200").catch(() => ({ items: [] }));
  badge.hidden = !items.length;
  fill(badge, String(items.length), h("span", { class: "hidden" }, " to decide"));
}, 300);

async function begin() {
  addEventListener("hashchange", async () => { await show(); main.focus({ preventScroll: true }); scrollTo(0, 0); });
  await show();
  let status;
  try { status = await get("/runtime/status"); } catch { return; }
  document.getElementById("project").textContent = ` ${status.project}`;
  counted();
  follow(`/events?${KINDS.map((kind) => `kind=${kind}`).join("&")}`, KINDS, (event) => {
    if (["waiting", "resumed", "result"].includes(event.type)) counted();
    for (const listener of listeners) listener(event);
  }, { state: tell });
}

begin();
