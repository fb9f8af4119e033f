"""API keys: who may ask the server for what, until when.

A key is `pdr_ID_SECRET`, the secret being 256 random bits: nobody can guess it from its hash, so the hash is a fast
one. What makes hashing of passwords slow protects secrets that people choose, and would cost every request here. It is
hashed twice, so that requests can be signed with what is not kept: see `base/signing.py`.

A session of a browser is a key as well: with an end, revoked at logout.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from perdure.base.codec import pack, unpack_as
from perdure.base.errors import InputError, KeyNotFound, KeyTaken, VersionConflict
from perdure.base.signing import client_key, is_client_key, stored_key
from perdure.kernel.store.ops import DropValue, Op, PutValue, ValueIs
from perdure.kernel.store.port import Store
from perdure.namespace.identity.keyrings import verifier

from .principal import SCOPES, Principal, Scope

if TYPE_CHECKING:
    from .runtime import Runtime

PREFIX = "keys/"
MARK = "pdr"
SECRET_BYTES = 32
AT_ONCE = 200
USED_EVERY_MS = 60_000
"""How exactly the time of the last use is known: writing it at each would double the work of a request."""
_PUBKEY = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Key(msgspec.Struct, frozen=True):
    """A key as it is shown. `name` is what its decisions are recorded under; times are ms UTC, `expires_at` None means
    never. `pubkey` is that of somebody who only signs, an agent say, and has no text."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: int
    created_by: str
    kind: Literal["key", "session"] = "key"
    expires_at: int | None = None
    last_used_at: int | None = None
    pubkey: str = ""

    def has_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def principal(self) -> Principal:
        return Principal(self.name, frozenset(self.scopes), self.id, self.kind == "session")


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made. `secret` is its text, which is shown this once and kept nowhere; "" with a `pubkey`."""

    key: Key
    secret: str


class Kept(msgspec.Struct, frozen=True):
    """A key as the store has it; `stored` is `stored_key` of its text, which is no text's for one with a `pubkey`."""

    key: Key
    stored: bytes

    def is_due(self, now: int) -> bool:
        """Whether a use at this time is worth writing down."""
        return self.key.last_used_at is None or now >= self.key.last_used_at + USED_EVERY_MS


async def add_key(
    runtime: Runtime,
    id: str,
    scopes: Collection[str],
    *,
    expires_in_ms: int | None = None,
    pubkey: str = "",
    who: str = "operator",
) -> NewKey:
    """Make a key, or let in whoever signs with the key of this `pubkey` (64 hex digits, BIP-340). Raises InputError,
    KeyTaken where there is one of this name, and MissingDependency."""
    if not _ID.fullmatch(id):
        raise InputError(
            f"not a name for a key: {id[:80]!r}", hint="Up to 63 lower-case letters, digits and dashes between them."
        )
    now = runtime.clock.now()
    if expires_in_ms is not None and expires_in_ms <= 0:
        raise InputError("a key expires later than now")
    expires_at = None if expires_in_ms is None else now + expires_in_ms
    if pubkey:
        _check_pubkey(pubkey)
    key = Key(id, id, checked(scopes), now, who, expires_at=expires_at, pubkey=pubkey)
    made, op = make(runtime, key)
    try:
        await runtime.store.commit([op], [ValueIs("", PREFIX + id, None)])
    except VersionConflict as error:
        raise KeyTaken(f"there is a key {id!r} already", key=id) from error
    return made


def make(runtime: Runtime, key: Key) -> tuple[NewKey, Op]:
    """The key with its secret, and the operation that keeps it."""
    if key.pubkey:
        return NewKey(key, ""), PutValue("", PREFIX + key.id, pack(Kept(key, b"")), key.created_at)
    random = urlsafe_b64encode(runtime.ids.secret(SECRET_BYTES)).decode().rstrip("=")
    secret = f"{MARK}_{key.id}_{random}"
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
    if kept is None or not is_client_key(client_key(secret), kept.stored):
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


def _check_pubkey(pubkey: str) -> None:
    verifier()  # that signatures can be checked is known now, and not when the first one comes
    if not _PUBKEY.fullmatch(pubkey):
        raise InputError(f"not a public key: {pubkey[:80]!r}", hint="64 lower-case hex digits, as identity/pubkey has.")


def checked(scopes: Collection[str]) -> tuple[Scope, ...]:
    """The scopes in their order, each once. Raises InputError."""
    unknown: Sequence[str] = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        said = f"no scope {unknown[0][:40]!r}" if unknown else "a key needs a scope"
        raise InputError(said, hint=f"One or more of {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes)
