"""`/login`: a browser comes by a one-time link and goes on with a session. `/logout` ends it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.errors import Unauthorized
from perdure.control.sessions import LASTS_MS, begin_session

from .endpoint import Call, Endpoint, Nothing
from .links import read_code
from .reply import Reply

HTML = "text/html; charset=utf-8"
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">{head}
<title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 1.1rem/1.5 system-ui; max-width: 34rem; margin: 20vh auto; \
padding: 0 1rem }}</style>
<main><h1>{title}</h1><p>{text}</main></html>
"""


class Coming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(description="That of a link which `perdure open` makes.", max_length=1_000)] = ""


async def login(call: Call[Any, Coming]) -> Reply:
    if call.header("sec-purpose"):  # a browser that looks ahead: the code is for whoever follows the link
        return Reply(status=204)
    access = call.site.access
    if not call.query.code or access.token is None:
        return _page(200, "Log in", "Run <code>perdure open</code> where the server runs: it makes a link for you.")
    try:
        link = read_code(call.query.code, access.token)
        made = await begin_session(call.runtime, link.name, link.id, link.until, link.scopes)
    except Unauthorized:
        text = "A link is good once, and for ten minutes. <code>perdure open</code> makes a new one."
        return _page(401, "This link is not good any more", text)
    # Not a redirect: a browser that came from elsewhere would follow it without the new cookie.
    to = '<meta http-equiv="refresh" content="0; url=/">'
    page = _page(200, "Welcome", '<a href="/">Go on</a>', to)
    cookie = access.cookie.set(made.secret, LASTS_MS // 1000)
    return msgspec.structs.replace(page, headers={**page.headers, "set-cookie": cookie})


async def look_ahead(call: Call[Any, Coming]) -> Reply:
    return Reply(status=204)


async def logout(call: Call[Any, Nothing]) -> Reply:
    if call.principal is not None and call.principal.is_session:
        await call.runtime.revoke_key(call.principal.key)
    return Reply(status=303, headers={"location": "/", "set-cookie": call.site.access.cookie.set("", 0)})


def _page(status: int, title: str, text: str, head: str = "") -> Reply:
    content = _PAGE.format(title=title, text=text, head=head).encode()
    return Reply(content, status, headers=_HEADERS, media_type=HTML)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint("GET", "/login", login, query=Coming, media=HTML, is_open=True),
    Endpoint("HEAD", "/login", look_ahead, query=Coming, status=204, is_open=True),
    Endpoint("POST", "/logout", logout, is_open=True, status=303),
)
