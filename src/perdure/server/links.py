"""One-time links: a code that says who may log in and until when, sealed with the project's token.

Whoever can read the token can make one, and the server knows it again without being asked for it before.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac

import msgspec

from perdure.base.errors import Unauthorized
from perdure.control.principal import Scope

GOOD_FOR_MS = 10 * 60_000
_SEAL = sha256().digest_size


class Link(msgspec.Struct, frozen=True, array_like=True):
    """Who may log in, until when (ms UTC), and what the session may. `id` is 16 hex digits."""

    id: str
    name: str
    until: int
    scopes: tuple[Scope, ...] = ("admin",)


def code_of(link: Link, token: str) -> str:
    said = msgspec.json.encode(link)
    return urlsafe_b64encode(_seal(said, token) + said).decode().rstrip("=")


def read_code(code: str, token: str) -> Link:
    """What a code says. Raises Unauthorized where it was not made with this token."""
    try:
        content = urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except ValueError:
        content = b""
    seal, said = content[:_SEAL], content[_SEAL:]
    if not compare_digest(seal, _seal(said, token)):
        raise Unauthorized("this is no link of this server", hint="`perdure open` makes one.")
    return msgspec.json.decode(said, type=Link)


def _seal(said: bytes, token: str) -> bytes:
    return hmac(token.encode(), b"perdure login\0" + said, sha256).digest()
