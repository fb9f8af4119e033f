// What runs ask people, and the answers.
import { get, id, post } from "./api.js";
import { fill, h, soon } from "./dom.js";
import { date, money, short, text } from "./format.js";
import { block, command, empty, trouble } from "./parts.js";

export async function approvals(main, { heard, signal }) {
  const place = h("div", { class: "cards" });
  fill(main, h("div", { class: "head" }, h("h1", {}, "Approvals")), place);
  const load = async () => {
    const page = await get("/approvals?limit=200");
    if (!signal.aborted) show(place, page.items, () => again());
  };
  const again = soon(load, 250);
  heard((event) => { if (["waiting", "resumed", "result"].includes(event.type)) again(); });
  await load();
}

/** Cards by question; one that somebody is writing in stays as it is. */
export function show(place, asked, again) {
  const there = new Map([...place.querySelectorAll(".approval")].map((card) => [card.dataset.id, card]));
  const cards = asked.map((one) => there.get(one.id) || approval(one, again));
  const settled = [...there.values()].filter((card) => card.dataset.settled && !cards.includes(card));
  if (!cards.length && !settled.length) return fill(place, empty("Nothing waits for you.",
    h("p", {}, "Calls of the tools that an agent's file lists under ", h("code", {}, "approve"), " wait here:"),
    command("approve: [send_mail, \"delete_*\"]")));
  const wanted = [...settled, ...cards];
  if (wanted.length !== place.children.length || wanted.some((card, at) => place.children[at] !== card)) fill(place, wanted);
}

export function approval(one, again) {
  const about = one.about.about || {};
  const options = one.about.options || [];
  const isConsent = options.length === 2 && options[0] === "approve" && options[1] === "deny";
  const field = `why-${one.id}`;
  const why = h("input", { id: field, type: "text", autocomplete: "off", maxlength: "500" });
  const news = h("div", { "aria-live": "polite", tabindex: "-1" });
  const form = h("form", { onsubmit: (event) => event.preventDefault() });
  const card = h("article", { class: "approval", "data-id": one.id, "aria-labelledby": `q-${one.id}` },
    h("h2", { id: `q-${one.id}` }, one.about.question || one.key),
    h("p", { class: "quiet" }, h("a", { href: `#/runs/${id(one.run_id)}` }, `Run ${short(one.run_id)}`), ` of ${one.agent_id}`),
    facts(one, about), form, news);

  const say = async (verb, body) => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    card.dataset.settled = "asked";  // it stays until it is known what became of it
    try {
      await post(`/approvals/${id(one.id)}/${verb}`, { ...body, why: why.value });
      card.dataset.settled = verb;
      fill(form);
      fill(news, h("p", { class: "settled" }, isConsent ? (verb === "approve" ? "Approved." : "Denied.") : "Answered.",
        " The run goes on."));
      setTimeout(() => { delete card.dataset.settled; again(); }, 4000);
    } catch (error) {
      fill(news, trouble(error));
      if ([404, 409, 410].includes(error.status)) {
        fill(form);
        card.dataset.settled = "gone";
      } else {
        for (const button of form.querySelectorAll("button")) button.disabled = false;
        delete card.dataset.settled;
      }
    }
    news.focus({ preventScroll: true });
  };
  const reason = h("p", { class: "field" }, h("label", { for: field }, "Reason, for the record"), why);
  if (isConsent) {
    fill(form, reason, h("p", { class: "buttons" },
      h("button", { type: "button", class: "yes", onclick: () => say("approve", {}) }, "Approve"),
      h("button", { type: "button", class: "no", onclick: () => say("deny", {}) }, "Deny")));
  } else if (options.length) {
    fill(form, h("p", { class: "buttons" }, options.map((option) =>
      h("button", { type: "button", onclick: () => say("approve", { answer: option }) }, text(option)))));
  } else {
    const answer = h("textarea", { id: `a-${one.id}`, rows: "3" });
    fill(form, h("p", { class: "field" }, h("label", { for: `a-${one.id}` }, "Your answer"), answer), h("p", { class: "buttons" },
      h("button", { type: "button", class: "yes", onclick: () => say("approve", { answer: answer.value }) }, "Answer")));
  }
  return card;
}

/** What exactly is decided, and for how long it can be. */
function facts(one, about) {
  const rows = [];
  if (about.tool) rows.push(["Tool", h("code", {}, about.tool)], ["Arguments", block(about.arguments)]);
  else if (about.amount_microusd !== undefined) rows.push(["Amount", `up to ${money(about.amount_microusd)}`], ["Asked above", money(about.threshold_microusd)]);
  else if (Object.keys(about).length) rows.push(["About", block(about)]);
  if (about.policy) rows.push(["Rule", h("code", {}, about.policy)]);
  if (about.approvers) rows.push(["May decide", about.approvers.join(", ")]);
  if (one.due) rows.push(["Waits until", date(one.due)]);
  rows.push(["Digest", h("code", { title: "Stands for the tool, the arguments, the rule and the agent's version" }, one.digest)]);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
