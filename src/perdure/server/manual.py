"""`/docs`: the description of the server for people: one page, made here from what /openapi.json says, that loads
nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from .endpoint import Call, Endpoint
from .openapi import openapi
from .reply import Reply

HTML = "text/html; charset=utf-8"
STYLE = """\
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 16%,transparent);
--soft:color-mix(in srgb,currentColor 5%,transparent);--quiet:color-mix(in srgb,currentColor 68%,transparent)}
*{box-sizing:border-box}
body{margin:0;font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem 1rem;border-right:1px solid var(--line)}
nav a{display:block;padding:.15rem .5rem;border-radius:.3rem;color:inherit;text-decoration:none}
nav a:hover{background:var(--soft)}
main{padding:1.5rem 2rem 4rem;max-width:62rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.5rem 0 .75rem}
a:focus-visible,summary:focus-visible{outline:2px solid;outline-offset:2px}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0}
details>div{padding:.25rem 1rem 1rem}
summary{cursor:pointer;padding:.5rem 1rem;display:flex;gap:.75rem;flex-wrap:wrap;align-items:baseline}
summary:hover{background:var(--soft)}
b.method{font:600 .8rem/1.6 ui-monospace,monospace;min-width:4.5rem}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
small,.quiet{color:var(--quiet)}summary small{margin-left:auto}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.25rem 0 .75rem;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600}h3{font-size:.95rem;margin:1rem 0 0}
@media(max-width:48rem){body{display:block}nav{position:static;height:auto;border:0}nav a{display:inline-block}
main{padding:1rem}}
"""
HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
}


async def manual(call: Call[Any, Any]) -> Reply:
    """What this server can be asked, as a page."""
    return Reply(page_of(await openapi(call)).encode(), headers=HEADERS, media_type=HTML)


def page_of(document: Mapping[str, Any]) -> str:
    """An OpenAPI document as a page of HTML."""
    title, version = escape(document["info"]["title"]), escape(document["info"]["version"])
    tags: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for tag in operation["tags"]:
                tags.setdefault(tag, []).append(_operation(path, method, operation))
    shown = document["components"]["schemas"]
    links = "".join(f'<a href="#{escape(tag)}">{escape(_words(tag))}</a>' for tag in tags)
    sections = "".join(
        f'<section><h2 id="{escape(tag)}">{escape(_words(tag))}</h2>{"".join(found)}</section>'
        for tag, found in tags.items()
    )
    structs = "".join(_struct(name, schema) for name, schema in sorted(shown.items()))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}: what it can be asked</title>
<style>{STYLE}</style>
<nav aria-label="Parts">{links}<a href="#structs">structs</a></nav>
<main>
<h1>{title}</h1>
<p class="quiet">Perdure {version} · the same for programs: <a href="/openapi.json">/openapi.json</a>.
Send a key as <code>Authorization: Bearer KEY</code>.</p>
{sections}
<section><h2 id="structs">structs</h2>{structs}</section>
</main>
</html>
"""


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    scopes = [scope for one in operation["security"] for scope in one["key"]]
    who = f"needs {escape(', '.join(scopes))}" if scopes else "open to everybody"
    about = f"<p>{_text(operation['description'])}</p>" if "description" in operation else ""
    parameters = [(one["name"], one["schema"], one.get("required", False)) for one in operation["parameters"]]
    body = operation.get("requestBody", {}).get("content", {})
    answers = "".join(
        f"<h3>Answer {escape(status)}</h3>{_content(answer.get('content', {}))}"
        for status, answer in operation["responses"].items()
        if status != "default"
    )
    return (
        f'<details id="{escape(operation["operationId"])}">'
        f'<summary><b class="method">{escape(method.upper())}</b><code>{escape(path)}</code>'
        f"<small>{escape(operation['summary'])} · {who}</small></summary><div>{about}"
        f"{'<h3>Parameters</h3>' + _table(parameters) if parameters else ''}"
        f"{'<h3>Body</h3>' + _content(body) if body else ''}{answers}</div></details>"
    )


def _content(content: Mapping[str, Any]) -> str:
    kinds = (f"<p><code>{escape(kind)}</code> {_type(media.get('schema', {}))}</p>" for kind, media in content.items())
    return "".join(kinds) or '<p class="quiet">Nothing.</p>'


def _struct(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    fields = [(field, shape, field in required) for field, shape in schema.get("properties", {}).items()]
    about = f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""
    return (
        f'<details id="struct-{escape(name)}" open><summary><code>{escape(name)}</code></summary>'
        f"<div>{about}{_table(fields) if fields else f'<p>{_type(schema)}</p>'}</div></details>"
    )


def _table(fields: list[tuple[str, Mapping[str, Any], bool]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{_type(schema)}<td>{'required' if is_required else ''}"
        f"<td>{_text(str(schema.get('description', '')))}"
        for name, schema, is_required in fields
    )
    return f'<div class="table"><table><tr><th>Name<th>Type<th><th>Meaning{rows}</table></div>'


def _type(schema: Mapping[str, Any]) -> str:
    return " ".join(_words_of(schema)) or "anything"


def _words_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """What a schema allows, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        yield f'<a href="#struct-{name}"><code>{name}</code></a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            yield " or ".join(_type(one) for one in schema[several])
    if "enum" in schema:
        yield ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    elif "type" in schema:
        yield escape(str(schema["type"]))
    if isinstance(schema.get("items"), Mapping):
        yield f"of {_type(schema['items'])}"
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    if bounds:
        yield f"<small>{escape(', '.join(bounds))}</small>"
    if schema.get("default") not in (None, "", [], {}):
        yield f"<small>default <code>{escape(str(schema['default']))}</code></small>"


_BOUNDS = {
    **{"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most"},
    **{"minItems": "at least", "maxItems": "at most"},
}


def _text(text: str) -> str:
    """Prose, with `code` in it."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _words(name: str) -> str:
    return name.strip("_").replace("_", " ")


ENDPOINTS = (Endpoint("GET", "/docs", manual, scope="read", media=HTML),)
