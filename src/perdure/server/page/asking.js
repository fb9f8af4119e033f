// The form that asks an agent: a new one of those that are published, or the one whose runs are looked at.
import { get, id, invoke } from "./api.js";
import { fill, h } from "./dom.js";
import { trouble } from "./parts.js";

const drafts = new Map();  // what was written to whom, kept while somebody looks at other views

/** The form, "" where nothing could be asked. With `agent` its conversation goes on. */
export async function asking(agent) {
  const specs = agent ? [] : (await get("/specs").catch(() => ({ items: [] }))).items.filter((one) => one.digest);
  if (!agent && !specs.length) return "";
  const draft = drafts.get(agent) || { spec: "", said: "" };
  drafts.set(agent, draft);
  if (!specs.some((one) => one.name === draft.spec)) draft.spec = specs[0]?.name || "";
  let key = fresh();
  const whom = h("select", { id: "ask-whom", onchange: () => { draft.spec = whom.value; key = fresh(); } },
    specs.map((one) => h("option", { value: one.name, selected: one.name === draft.spec }, one.kind === "flow" ? `${one.name} (flow)` : one.name)));
  const said = h("textarea", {
    id: "ask-said", rows: "2", required: true, "aria-describedby": "ask-how",
    oninput: () => { draft.said = said.value; key = fresh(); },
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
    },
  });
  said.value = draft.said;
  const send = h("button", { type: "submit", class: "yes" }, "Ask");
  const news = h("div", { "aria-live": "polite" });

  // The same words sent twice, by an impatient hand or over a bad line, have the same key and are one run.
  const submit = async (event) => {
    event.preventDefault();
    if (send.disabled || !said.value.trim()) return;
    send.disabled = true;
    fill(news);
    const to = agent ? { agent_id: agent } : { spec: whom.value };
    const isFlow = specs.some((one) => one.name === whom.value && one.kind === "flow");
    try {
      const run = await invoke({ ...to, input: isFlow ? inputs(said.value) : said.value }, key);
      drafts.delete(agent);
      location.hash = `#/runs/${id(run)}`;
    } catch (error) {
      fill(news, trouble(error));
      send.disabled = false;
      said.focus();
    }
  };
  const form = h("form", { class: "ask", "aria-label": agent ? `Go on with ${agent}` : "Ask an agent", onsubmit: submit },
    agent ? "" : h("p", { class: "whom" }, h("label", { for: "ask-whom" }, "Agent"), whom),
    h("p", { class: "what" }, h("label", { for: "ask-said" }, agent ? `Go on with ${agent}` : "What is it to do?"), said),
    h("p", { class: "go" }, send, h("small", { id: "ask-how" }, "Ctrl+Enter sends")), news);
  return form;
}

/** What a flow is given: its inputs as JSON, or else text. */
function inputs(text) {
  try { return JSON.parse(text); } catch { return text; }
}

const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
