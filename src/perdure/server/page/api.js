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

async function send(method, path, body, more = {}) {
  const headers = body === undefined ? more : { "content-type": "application/json", ...more };
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached." });
  }
  if (!answer.ok) throw new Problem(answer.status, await read(answer));
  return answer;
}

const read = (answer) => ((answer.headers.get("content-type") || "").includes("json") ? answer.json() : {});
const ask = async (method, path, body) => read(await send(method, path, body));

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const id = encodeURIComponent;

const HANDED_OVER_MS = 5000;

/**
 * Asks an agent, and gives the id of the run. The same key again is the same run. A model says word by word what
 * somebody hears when it is asked: that is this stream, until whoever shows the run has one of its own.
 */
export async function invoke(body, key) {
  const answer = await send("POST", "/invoke", { ...body, stream: true }, { "idempotency-key": key });
  setTimeout(() => answer.body.cancel(), HANDED_OVER_MS);
  return answer.headers.get("perdure-run-id");
}

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
