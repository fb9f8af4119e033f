"""API keys: who may ask the server for what, until when.

A key is `perdure_ID_SECRET`, the secret being 256 random bits: nobody can guess it from its hash, so the hash is a fast
one. What makes hashing of passwords slow protects secrets that people choose, and would cost every request here. It is
hashed twice: who signs requests proves to have the first hash, and the second, which is all that is kept, gives neither
the secret nor a signature away (RFC 5802 calls them client key and stored key).

A session of a browser is a key as well: with an end, revoked at logout.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from perdure.base.codec import pack, unpack_as
from perdure.base.errors import InputError, KeyNotFound, KeyTaken, VersionConflict
from perdure.kernel.store.ops import DropValue, Op, PutValue, ValueIs
from perdure.kernel.store.port import Store

from .principal import SCOPES, Principal, Scope

if TYPE_CHECKING:
    from .runtime import Runtime

PREFIX = "keys/"
MARK = "perdure"
SECRET_BYTES = 32
AT_ONCE = 200
USED_EVERY_MS = 60_000
"""How exactly the time of the last use is known: writing it at each would double the work of a request."""
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Key(msgspec.Struct, frozen=True):
    """A key as it is shown. `name` is what its decisions are recorded under; times are ms UTC, `expires_at` None means
    never. `begins` is what its text begins with."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: int
    created_by: str
    kind: Literal["key", "session"] = "key"
    expires_at: int | None = None
    last_used_at: int | None = None

    @property
    def begins(self) -> str:
        return f"{MARK}_{self.id}_"

    def has_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def principal(self) -> Principal:
        return Principal(self.name, frozenset(self.scopes), self.id, self.kind == "session")


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made. `secret` is its text, which is shown this once and kept nowhere."""

    key: Key
    secret: str


class Kept(msgspec.Struct, frozen=True):
    """A key as the store has it; `stored` is `stored_key` of its text."""

    key: Key
    stored: bytes

    def is_due(self, now: int) -> bool:
        """Whether a use at this time is worth writing down."""
        return self.key.last_used_at is None or now >= self.key.last_used_at + USED_EVERY_MS


def client_key(secret: str) -> bytes:
    """What the holder of a key signs with."""
    return sha256(secret.encode()).digest()


def stored_key(client: bytes) -> bytes:
    """What is kept of a key, and all that is needed to check one."""
    return sha256(client).digest()


async def add_key(
    runtime: Runtime, id: str, scopes: Collection[str], *, expires_in_ms: int | None = None, who: str = "operator"
) -> NewKey:
    """Make a key. Raises InputError, and KeyTaken where there is one of this name."""
    if not _ID.fullmatch(id):
        raise InputError(
            f"not a name for a key: {id[:80]!r}", hint="Up to 63 lower-case letters, digits and dashes between them."
        )
    now = runtime.clock.now()
    if expires_in_ms is not None and expires_in_ms <= 0:
        raise InputError("a key expires later than now")
    expires_at = None if expires_in_ms is None else now + expires_in_ms
    made, op = make(runtime, Key(id, id, _checked(scopes), now, who, expires_at=expires_at))
    try:
        await runtime.store.commit([op], [ValueIs("", PREFIX + id, None)])
    except VersionConflict as error:
        raise KeyTaken(f"there is a key {id!r} already", key=id) from error
    return made


def make(runtime: Runtime, key: Key) -> tuple[NewKey, Op]:
    """A secret for this key, and the operation that keeps it."""
    random = urlsafe_b64encode(runtime.ids.secret(SECRET_BYTES)).decode().rstrip("=")
    secret = f"{key.begins}{random}"
    kept = Kept(key, stored_key(client_key(secret)))
    return NewKey(key, secret), PutValue("", PREFIX + key.id, pack(kept), key.created_at)


async def list_keys(runtime: Runtime) -> list[Key]:
    """All keys and sessions, in order of their ids, expired ones included."""
    found: list[Key] = []
    cursor = ""
    while True:
        page = await runtime.store.values("", PREFIX, cursor=cursor, limit=AT_ONCE)
        found += [unpack_as(row.data, Kept).key for row in page.items]
        cursor = page.next
        if not cursor:
            return found


async def revoke_key(runtime: Runtime, id: str) -> None:
    """Let a key open nothing from now on, in whatever process. Raises KeyNotFound."""
    (was_there,) = await runtime.store.commit([DropValue("", PREFIX + id)])
    if not was_there:
        raise KeyNotFound(f"there is no key {id[:80]!r}", key=id[:80])


async def find_key(store: Store, id: str, now: int) -> Kept | None:
    """The key with this id as it stands this moment, None where there is none that opens anything."""
    row = await store.value("", PREFIX + id) if _ID.fullmatch(id) else None
    if row is None:
        return None
    kept = unpack_as(row.data, Kept)
    return None if kept.key.has_expired(now) else kept


async def holder(store: Store, secret: str, now: int) -> Kept | None:
    """The key whose text this is, None where it opens nothing."""
    mark, _, rest = secret.partition("_")
    id, _, random = rest.partition("_")
    kept = await find_key(store, id, now) if mark == MARK and random else None
    if kept is None or not compare_digest(stored_key(client_key(secret)), kept.stored):
        return None
    return kept


async def note_use(store: Store, id: str, now: int) -> None:
    """Write down that a key was used. A change by somebody else goes before it: a key that is revoked stays so."""
    row = await store.value("", PREFIX + id)
    if row is None:
        return
    kept = unpack_as(row.data, Kept)
    op = PutValue("", PREFIX + id, pack(replace(kept, key=replace(kept.key, last_used_at=now))), now)
    try:
        await store.commit([op], [ValueIs("", PREFIX + id, row.digest)])
    except VersionConflict:
        pass


def _checked(scopes: Collection[str]) -> tuple[Scope, ...]:
    unknown: Sequence[str] = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        said = f"no scope {unknown[0][:40]!r}" if unknown else "a key needs a scope"
        raise InputError(said, hint=f"One or more of {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes)
