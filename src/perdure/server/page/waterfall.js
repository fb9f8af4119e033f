// A run's course as a waterfall: who did what when, for how long, and what it cost.
import { fill, h } from "./dom.js";
import { count, duration, money } from "./format.js";
import { block, state } from "./parts.js";

const KINDS = { model: "Model", tool: "Tool", wait: "Wait", child: "Agent", run: "Agent", step: "Step", effect: "Effect", event: "Event" };

/** Draws into `place`; rows that were open stay open. */
export function waterfall(place, root, open) {
  const rows = [...flat(root)];
  if (!rows.length) return fill(place, h("p", { class: "quiet" }, "Nothing has been done yet."));
  const scale = scaleOf(root, rows.map(({ node }) => node));
  const list = h("ol", { class: "waterfall", "aria-label": "Timeline" }, rows.map((one) => row(one, scale, open)));
  list.addEventListener("keydown", walk);
  fill(place, axis(scale), list);
}

function* flat(node, depth = 0) {
  for (const child of node.children) {
    yield { node: child, depth };
    yield* flat(child, depth + 1);
  }
}

/** Maps time to 0…1. Time in which nothing was at work is drawn short, or a wait of days would be all there is to see. */
export function scaleOf(root, nodes) {
  const start = root.started_at;
  const end = Math.max(start + 1, ...[root, ...nodes].map((node) => node.started_at + node.duration_ms));
  const work = nodes.filter((node) => ["model", "tool", "effect"].includes(node.kind) && node.status !== "in_doubt")
    .map((node) => [node.started_at, Math.max(node.started_at + node.duration_ms, node.started_at + 1)])
    .sort((a, b) => a[0] - b[0]);
  const busy = [];
  for (const [from, to] of work) {
    const last = busy.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else busy.push([from, to]);
  }
  const total = busy.reduce((sum, [from, to]) => sum + to - from, 0) || end - start;
  const parts = [];
  let at = start;
  const idle = (to) => { if (to > at) parts.push({ from: at, to, weight: Math.min(to - at, total * 0.3), isIdle: true }); };
  for (const [from, to] of busy) {
    idle(from);
    parts.push({ from, to, weight: to - from });
    at = to;
  }
  idle(end);
  const whole = parts.reduce((sum, part) => sum + part.weight, 0) || 1;
  let x = 0;
  for (const part of parts) {
    part.x = x;
    part.width = part.weight / whole;
    x += part.width;
  }
  const map = (time) => {
    const part = parts.find((one) => time <= one.to) || parts.at(-1);
    return part.x + part.width * Math.min(1, Math.max(0, (time - part.from) / (part.to - part.from)));
  };
  const back = (place) => {
    const part = parts.find((one) => place <= one.x + one.width + 1e-9) || parts.at(-1);
    return part.from + (part.to - part.from) * ((place - part.x) / (part.width || 1)) - start;
  };
  const breaks = parts.filter((part) => part.isIdle && part.to - part.from > part.weight * 1.5);
  return { map, back, breaks };
}

function axis({ back, breaks }) {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((place) => {
    const tick = h("span", { class: "tick" }, duration(Math.max(0, back(place))));
    tick.style.left = `${place * 100}%`;
    return tick;
  });
  const cuts = breaks.map((part) => at(h("span", { class: "cut", title: `${duration(part.to - part.from)}, drawn short` }), part.x, part.width));
  return h("div", { class: "axis", "aria-hidden": "true" }, h("div", { class: "lane" }, ticks, cuts));
}

function at(element, x, width) {
  element.style.left = `${x * 100}%`;
  element.style.width = `${width * 100}%`;
  return element;
}

function row({ node, depth }, { map }, open) {
  const key = `${node.kind}/${node.key}/${node.started_at}`;
  const from = map(node.started_at);
  const bar = at(h("span", { class: "bar", "data-kind": node.kind, "data-state": node.status }), from,
    Math.max(0, map(node.started_at + node.duration_ms) - from));
  const shown = h("div", { class: "detail", hidden: !open.has(key) });
  if (open.has(key)) fill(shown, details(node));
  const tokens = node.input_tokens + node.output_tokens;
  const button = h("button", {
    type: "button", class: "span", "data-key": key, "aria-expanded": String(open.has(key)),
    onclick: () => {
      const opens = !open.has(key);
      if (opens) open.add(key); else open.delete(key);
      button.setAttribute("aria-expanded", String(opens));
      shown.hidden = !opens;
      fill(shown, opens ? details(node) : []);
    },
  },
    h("span", { class: "name" }, h("span", { class: "kind", "data-kind": node.kind }, node.kind === "step" ? "" : KINDS[node.kind] || node.kind),
      h("span", { class: "title" }, node.name),
      ["done", ""].includes(node.status) ? "" : state(node.status)),
    h("span", { class: "lane", "aria-hidden": "true" }, bar),
    h("span", { class: "num" }, node.kind === "event" ? "" : duration(node.duration_ms)),
    h("span", { class: "num" }, tokens ? `${count(tokens)} tok` : ""),
    h("span", { class: "num cost" }, node.cost_microusd ? money(node.cost_microusd) : ""),
    node.summary && node.kind !== "step" ? h("span", { class: "summary" }, node.summary) : "");
  button.style.setProperty("--depth", depth);
  return h("li", {}, button, shown);
}

/** Up and down go from row to row. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.classList.contains("span")) return;
  const all = [...event.currentTarget.querySelectorAll(".span")];
  all[all.indexOf(event.target) + step]?.focus();
  event.preventDefault();
}

const LABELS = { request: "Asked", answer: "Answered", error: "Went wrong", decision: "Decided", by: "By", why: "Because", question: "Question", about: "About", for: "Waits for", options: "Choices" };

function details(node) {
  const facts = Object.entries(node.detail).map(([name, value]) => [LABELS[name] || name, said(name, value)]);
  const tokens = node.input_tokens || node.output_tokens ? [["Tokens", `${count(node.input_tokens)} in, ${count(node.output_tokens)} out`]] : [];
  const all = [...facts, ...tokens, ["Key", h("code", {}, node.key || "–")]];
  return h("dl", { class: "facts" }, all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** What a model answered is told as it was meant; other things as they are. */
function said(name, value) {
  if (name === "answer" && value && Array.isArray(value.parts)) {
    return value.parts.map((part) => {
      if (part.type === "text") return h("p", { class: "said" }, part.text);
      if (part.type === "thinking") return h("p", { class: "said quiet" }, part.text);
      return part.name ? [h("p", {}, "Call ", h("code", {}, part.name)), block(part.arguments)] : block(part);
    });
  }
  if (name === "request" && value && value.tool) return [h("p", {}, h("code", {}, value.tool)), block(value.arguments)];
  return typeof value === "string" ? h("p", { class: "said" }, value) : block(value);
}
