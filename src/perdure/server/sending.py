"""Replies, as messages of ASGI."""

from __future__ import annotations

from starlette.types import Send

from .reply import Reply

SAFE = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""Headers of everything: nothing here is to be guessed at, or kept by somebody in between, unless a
reply says otherwise."""


async def send_reply(reply: Reply, send: Send) -> None:
    content = reply.content()
    headers = [header for header in SAFE if header[0].decode() not in reply.headers]
    if content:
        headers.append((b"content-type", reply.media_type.encode()))
    if reply.status not in (204, 304) and "content-length" not in reply.headers:
        headers.append((b"content-length", b"%d" % len(content)))
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
