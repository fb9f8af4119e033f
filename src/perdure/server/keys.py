"""`/keys`: the API keys of the project."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.duration import parse_duration
from perdure.control.keys import Key, NewKey
from perdure.control.principal import Scope

from .endpoint import Call, Endpoint, Nothing
from .reply import Reply


class Keys(msgspec.Struct, frozen=True):
    items: list[Key]


class Add(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a key. Its text is in the answer, and nowhere else."""

    id: Annotated[str, Meta(description="The key's name: lower-case letters, digits and dashes.")]
    scopes: tuple[Scope, ...]
    pubkey: Annotated[str, Meta(description="Of an agent or somebody else who signs: the key has no text then.")] = ""
    expires: Annotated[str, Meta(description="How long it is good, such as 30d; for ever where absent.")] = ""


async def list_keys(call: Call[Any, Nothing]) -> Keys:
    return Keys(await call.runtime.keys())


async def add(call: Call[Add, Nothing]) -> Reply:
    asked = call.body
    lasts = parse_duration(asked.expires) if asked.expires else None
    made = await call.runtime.add_key(asked.id, asked.scopes, expires_in_ms=lasts, pubkey=asked.pubkey, who=call.who)
    return Reply(made, 201, headers={"location": f"/keys/{made.key.id}"})


async def revoke(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.revoke_key(call.path["id"])
    return Reply(status=204)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint("GET", "/keys", list_keys, scope="admin", answer=Keys),
    Endpoint("POST", "/keys", add, scope="admin", body=Add, answer=NewKey, status=201),
    Endpoint("DELETE", "/keys/{id}", revoke, scope="admin", status=204),
)
