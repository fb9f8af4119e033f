"""Signed requests: who holds a key proves it for one exact request, and the key itself never travels.

What is signed is `METHOD:path?query:time:nonce:sha256(body)`; the headers are `X-Agent-Key` (the id of the key),
`X-Agent-Timestamp` (ms UTC), `X-Agent-Nonce` and `X-Agent-Signature` (hex). The signature is the proof of RFC 5802
(SCRAM, section 3): the client key XOR HMAC-SHA-256(stored key, what is signed). The server keeps the stored key alone,
finds the client key that the proof claims, and looks whether its hash is the stored one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac

from starlette.types import Message, Receive, Scope

from perdure.base.errors import BadSignature, Replayed
from perdure.control.keys import Kept, client_key, find_key, stored_key
from perdure.control.runtime import Runtime

from .body import read

KEY, TIMESTAMP, NONCE, SIGNATURE = "X-Agent-Key", "X-Agent-Timestamp", "X-Agent-Nonce", "X-Agent-Signature"
WINDOW_MS = 60_000
"""How far the clocks of both sides may be apart."""
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NAMES = [name.lower().encode() for name in (KEY, TIMESTAMP, NONCE, SIGNATURE)]


class Signatures:
    def __init__(self, runtime: Runtime, max_body: int) -> None:
        self._runtime = runtime
        self._max_body = max_body

    def are_in(self, headers: Mapping[bytes, bytes]) -> bool:
        return _NAMES[-1] in headers

    async def check(self, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive) -> tuple[Kept, Receive]:
        """Whose request it is, and its body, to be read again. Raises BadSignature, Replayed, TooLarge."""
        id, time, nonce, signature = (headers.get(name, b"").decode("latin-1") for name in _NAMES)
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
        body = await read(receive, headers, self._max_body)
        text = signed_text(scope["method"].encode(), _target(scope), time, nonce, body)
        if not proves(signature, text, kept.stored):
            raise BadSignature("the signature is not that of this request")
        # Only now: nobody without a key can make the server remember anything.
        if not await self._runtime.once.use(f"{id}/{nonce}", sent_at + WINDOW_MS):
            raise Replayed("this request was received already")
        return kept, _again(body, receive)


def sign(secret: str, method: str, target: str, body: bytes, *, time_ms: int, nonce: str) -> dict[str, str]:
    """The headers that sign a request with a key's text. `target` is the path with its query, as it is sent; a nonce is
    16 to 64 random letters and digits, another one for each request."""
    client = client_key(secret)
    text = signed_text(method.encode(), target.encode(), str(time_ms), nonce, body)
    proof = _xor(client, hmac(stored_key(client), text, sha256).digest())
    return {KEY: secret.split("_")[1], TIMESTAMP: str(time_ms), NONCE: nonce, SIGNATURE: proof.hex()}


def signed_text(method: bytes, target: bytes, time: str, nonce: str, body: bytes) -> bytes:
    return b":".join((method, target, time.encode(), nonce.encode(), sha256(body).hexdigest().encode()))


def proves(signature: str, text: bytes, stored: bytes) -> bool:
    try:
        proof = bytes.fromhex(signature)
    except ValueError:
        return False
    claimed = _xor(proof, hmac(stored, text, sha256).digest())
    return compare_digest(stored_key(claimed), stored)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))


def _target(scope: Scope) -> bytes:
    path, query = scope["raw_path"], scope["query_string"]
    return b"%b?%b" % (path, query) if query else bytes(path)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body as if it came once more, and then what comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
