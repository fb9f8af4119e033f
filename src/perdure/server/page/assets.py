"""`/`: the page's files. Nobody has to log in for them: they hold nothing, and what they show is asked for with the
browser's session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perdure.base.codec import digest_bytes
from perdure.base.errors import NoSuchRoute

from ..endpoint import Call, Endpoint
from ..reply import Reply

FOLDER = Path(__file__).parent
INDEX = "index.html"
FILES = (
    INDEX,
    *("agents.js", "api.js", "app.js", "approvals.js", "asking.js", "dom.js", "format.js", "parts.js", "run.js"),
    *("runs.js", "waterfall.js", "style.css", "icon.svg"),
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: load its own files, ask its own server, and nothing else. No script or style stands in it."""


class Asset:
    """One file, read when it is first asked for. A browser keeps it, and asks whether it is still the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole: Reply | None = None
        self._same: Reply | None = None

    def reply(self, known: str) -> Reply:
        """The file, or that the browser has it: `known` is its If-None-Match."""
        if self._whole is None or self._same is None:
            content = self._path.read_bytes()
            tag = f'"{digest_bytes(content)}"'
            headers = {
                "etag": tag,
                "cache-control": "no-cache",
                "content-security-policy": POLICY,
                "referrer-policy": "no-referrer",
                "cross-origin-opener-policy": "same-origin",
                "x-frame-options": "DENY",
            }
            self._whole = Reply(content, headers=headers, media_type=TYPES[self._path.suffix])
            self._same = Reply(status=304, headers=headers)
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return self._same if self._whole.headers["etag"] in tags else self._whole


ASSETS = {name: Asset(FOLDER / name) for name in FILES}


async def page(call: Call[Any, Any]) -> Reply:
    return ASSETS[INDEX].reply(call.header("if-none-match"))


async def asset(call: Call[Any, Any]) -> Reply:
    found = ASSETS.get(call.path["file"])
    if found is None:
        raise NoSuchRoute(f"the page has no file {call.path['file'][:80]!r}")
    return found.reply(call.header("if-none-match"))


ENDPOINTS = (
    Endpoint("GET", "/", page, media=TYPES[".html"], is_open=True),
    Endpoint("GET", "/page/{file}", asset, media="*/*", is_open=True),
)
