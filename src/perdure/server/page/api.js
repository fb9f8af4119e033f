// Asking the server, and hearing from it.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code || "";
    this.hint = body.hint || "";
    this.facts = body.facts || {};
  }
}

async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached." });
  }
  const said = (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new Problem(answer.status, said);
  return said;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const id = encodeURIComponent;

/**
 * Hears events until `signal` ends it. The browser reconnects by itself with the last id that it saw; where the server
 * refused the stream it is begun again from the last id that came.
 */
export function follow(path, kinds, heard, { signal, state = () => {} } = {}) {
  let source, last = "", timer = 0;
  const begin = () => {
    const url = last ? `${path}${path.includes("?") ? "&" : "?"}after=${last}` : path;
    source = new EventSource(url);
    source.onopen = () => state("live");
    source.onerror = () => {
      state("lost");
      if (source.readyState === EventSource.CLOSED && !signal?.aborted) timer = setTimeout(begin, 3000);
    };
    for (const kind of kinds) {
      source.addEventListener(kind, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        heard({ type: kind, ...JSON.parse(event.data) });
      });
    }
  };
  const end = () => { clearTimeout(timer); source.close(); };
  signal?.addEventListener("abort", end);
  begin();
  return end;
}
