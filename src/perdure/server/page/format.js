// Numbers and times for people.

export const count = (value = 0) => value.toLocaleString("en-US");

/** Micro-USD as dollars, with as many digits as say something. */
export function money(microusd) {
  if (!microusd) return "$0";
  const dollars = Math.abs(microusd) / 1e6;
  const digits = dollars >= 1 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(dollars)) + 1);
  const shown = dollars.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1");
  return `${microusd < 0 ? "−" : ""}$${shown}`;
}

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = units.findIndex(([size]) => s >= size);
  const [size, name] = units[at];
  const whole = Math.floor(s / size);
  const rest = units[at + 1] ? Math.floor((s - whole * size) / units[at + 1][0]) : 0;
  return rest ? `${whole} ${name} ${rest} ${units[at + 1][1]}` : `${whole} ${name}`;
}

export function ago(ms) {
  const passed = Date.now() - ms;
  return passed < 5000 ? "just now" : passed < 7 * 86400000 ? `${duration(passed).split(" ").slice(0, 2).join(" ")} ago` : date(ms);
}

export const date = (ms) => new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A value as text: text stays what it is, anything else is JSON. */
export const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

export const short = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);
