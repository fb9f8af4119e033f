"""Access: who sends a request, told by what it shows: the token, a key, a session's cookie, or a signature."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hmac import compare_digest

from starlette.types import Message, Receive, Scope, Send

from perdure.base.errors import PerdureError, Unauthorized
from perdure.control.keys import Kept, find_key, holder, note_use
from perdure.control.principal import OPERATOR, Principal

from .cookie import Cookie
from .signatures import Signatures
from .site import Site

LOOK_EVERY_MS = 1_000
"""How often it is looked whether the key of a stream still opens something; an idle one sends every few seconds."""


class Access:
    """`token` None lets everybody in as the operator. Whether a cookie counts is for the caller to say: browsers add
    it to requests of pages that are not ours."""

    def __init__(self, site: Site, *, token: str | None, cookie: Cookie) -> None:
        self.token = token
        self.cookie = cookie
        self._token = None if token is None else token.encode()
        self._site = site
        self._signatures = Signatures(site.runtime, site.settings.max_body)
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def principal(
        self, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, *, takes_cookie: bool
    ) -> tuple[Principal | None, Receive]:
        """Who asks, None where nothing is shown, and what to read the body with. Raises Unauthorized where what is
        shown opens nothing."""
        if self._token is None:
            return OPERATOR, receive
        shown = _shown(headers)
        if shown:
            if compare_digest(shown, self._token):
                return OPERATOR, receive
            return await self._holder(shown.decode("latin-1")), receive
        if self._signatures.are_in(headers):
            kept, receive = await self._signatures.check(headers, scope, receive)
            return self._known(kept), receive
        session = self.cookie.read(headers.get(b"cookie", b"")) if takes_cookie else ""
        return (await self._holder(session) if session else None), receive

    def lasting(self, id: str, send: Send) -> Send:
        """Sends as long as the key opens something: a stream is over soon after it was revoked or has expired."""
        clock, store = self._site.runtime.clock, self._site.runtime.store
        looked_at, is_over = clock.now(), False

        async def sending(message: Message) -> None:
            nonlocal looked_at, is_over
            if is_over:
                return
            if message.get("more_body") and (now := clock.now()) >= looked_at + LOOK_EVERY_MS:
                looked_at = now
                if await find_key(store, id, now) is None:
                    is_over = True  # whoever sends finds the client gone
                    message = {"type": "http.response.body", "body": b""}
            await send(message)

        return sending

    async def close(self) -> None:
        """Let what is being written down be written."""
        if self._noting:
            await asyncio.wait(self._noting.values())

    async def _holder(self, secret: str) -> Principal:
        kept = await holder(self._site.runtime.store, secret, self._site.runtime.clock.now())
        if kept is None:
            raise Unauthorized("this key is wrong, has expired, or was revoked")
        return self._known(kept)

    def _known(self, kept: Kept) -> Principal:
        """The principal; that its key was used is written down beside the request."""
        now = self._site.runtime.clock.now()
        if kept.key.id not in self._noting and kept.is_due(now):
            task = asyncio.create_task(self._note(kept.key.id, now))
            self._noting[kept.key.id] = task
            task.add_done_callback(lambda _: self._noting.pop(kept.key.id, None))
        return kept.key.principal()

    async def _note(self, id: str, now: int) -> None:
        try:
            await note_use(self._site.runtime.store, id, now)
        except PerdureError as error:
            self._site.report(f"when the key {id!r} was last used could not be written down: {error.message}")


def _shown(headers: Mapping[bytes, bytes]) -> bytes:
    """The secret in the usual places; clients of Anthropic's API show theirs as `x-api-key`."""
    said = headers.get(b"authorization", b"")
    bearer = said[7:].strip() if said[:7].lower() == b"bearer " else b""
    return bearer or headers.get(b"x-api-key", b"")
