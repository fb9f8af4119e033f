"""Signed requests, once each: nobody who reads along can send one again, or send another one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from starlette.types import Message, Receive, Scope

from perdure.base.errors import BadSignature, Replayed
from perdure.base.signing import DIGEST, KEY, NONCE, SIGNATURE, TIMESTAMP, digest_of, proves, signed_text
from perdure.control.keys import Kept, find_key
from perdure.control.runtime import Runtime
from perdure.namespace.identity.keyrings import verifier

from .body import read

WINDOW_MS = 60_000
"""How far the clocks of both sides may be apart."""
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NAMES = [name.lower().encode() for name in (KEY, TIMESTAMP, NONCE, DIGEST, SIGNATURE)]


class Signatures:
    def __init__(self, runtime: Runtime, max_body: int) -> None:
        self._runtime = runtime
        self._max_body = max_body

    def are_in(self, headers: Mapping[bytes, bytes]) -> bool:
        return _NAMES[-1] in headers

    async def check(self, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive) -> tuple[Kept, Receive]:
        """Whose request it is, and its body, to be read again. Raises BadSignature, Replayed, TooLarge."""
        id, time, nonce, digest, signature = (headers.get(name, b"").decode("latin-1") for name in _NAMES)
        now = self._runtime.clock.now()
        sent_at = int(time) if time.isdecimal() and time.isascii() and len(time) <= 15 else 0
        if abs(now - sent_at) > WINDOW_MS:
            raise BadSignature(
                f"the request was signed at {time[:20]!r}, which is not within {WINDOW_MS // 1000} seconds of now",
                server_time=now,
            )
        if not _NONCE.fullmatch(nonce):
            raise BadSignature("a nonce is 16 to 64 letters, digits, dashes and underscores")
        kept = await find_key(self._runtime.store, id, now)
        if kept is None:
            raise BadSignature("this key is wrong, has expired, or was revoked")
        text = signed_text(scope["method"].encode(), _target(scope), time, nonce, digest)
        if not _is_of(kept, signature, text):
            raise BadSignature("the signature is not that of this request")
        # Only now: nobody without a key can make the server take in a body, or remember anything.
        body = await read(receive, headers, self._max_body)
        if digest_of(body) != digest:
            raise BadSignature("the body is not the one that was signed")
        if not await self._runtime.once.use(f"{id}/{nonce}", sent_at + WINDOW_MS):
            raise Replayed("this request was received already, or its body came too late")
        return kept, _again(body, receive)


def _is_of(kept: Kept, signature: str, text: bytes) -> bool:
    if not kept.key.pubkey:
        return proves(signature, text, kept.stored)
    try:
        signed = bytes.fromhex(signature)
    except ValueError:
        return False
    return verifier()(kept.key.pubkey, signed, sha256(text).digest())


def _target(scope: Scope) -> bytes:
    path, query = scope["raw_path"], scope["query_string"]
    return b"%b?%b" % (path, query) if query else bytes(path)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body as if it came once more, and then what comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
