"""Sessions: a browser that came by a one-time link has a key of its own, until it logs out or the day is over."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from perdure.base.errors import Unauthorized
from perdure.kernel.store.ops import DropValue, Op

from .keys import PREFIX, Key, NewKey, checked, list_keys, make
from .principal import Scope

if TYPE_CHECKING:
    from .runtime import Runtime

LASTS_MS = 12 * 3_600_000


async def begin_session(runtime: Runtime, name: str, code: str, until: int, scopes: Collection[Scope]) -> NewKey:
    """A session with these scopes for `name`, for a login code that is good once, until then (ms UTC). Raises
    Unauthorized."""
    now = runtime.clock.now()
    key = Key(f"session-{code}", name, checked(scopes), now, name, "session", now + LASTS_MS)
    made, op = make(runtime, key)
    over: list[Op] = [
        DropValue("", PREFIX + one.id)
        for one in await list_keys(runtime)
        if one.kind == "session" and one.has_expired(now)
    ]
    if until <= now or not await runtime.once.use(f"login/{code}", until, [op, *over]):
        raise Unauthorized("this link was used, or is too old", hint="`perdure open` makes a new one.")
    return made
