"""Replies, as messages of ASGI."""

from __future__ import annotations

from starlette.types import Send

from .reply import Reply

SAFE = {"x-content-type-options": b"nosniff", "cache-control": b"no-store"}
"""Headers of everything: nothing here is to be guessed at, or kept by somebody in between, unless a
reply says otherwise."""


async def send_reply(reply: Reply, send: Send) -> None:
    content, said = reply.content(), reply.headers
    headers = [(name.encode(), value) for name, value in SAFE.items() if name not in said]
    if content:
        headers.append((b"content-type", reply.media_type.encode()))
    if reply.status not in (204, 304) and "content-length" not in said:
        headers.append((b"content-length", b"%d" % len(content)))
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in said.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
