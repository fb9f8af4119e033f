"""One effect: what a handler asks for, and what to do about it by what is on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, TypeVar, assert_never

import msgspec

from perdure.base.codec import NIL, digest, pack, unpack
from perdure.base.errors import EffectFailed, PerdureError, ReplayDivergence

from . import records as r
from .classes import EffectClass
from .failures import restored
from .journal import Past

T = TypeVar("T")
Call: TypeAlias = Callable[[str], Awaitable[Any]]
Next: TypeAlias = Literal["return", "raise", "do", "do again", "probe", "ask"]

SHORT_REQUEST = 1024
"""Bytes of a request that are kept beside the result where no intent holds it."""


class Effect(msgspec.Struct, gc=False):
    """What is asked under `key`; `asked` is the digest of the request, `past` what the journal knew of it.

    `keyed` says that `call` makes use of its idempotency key. `reserve` is micro-USD, `reservation` the id under which
    it was set aside, `approved_by` who agreed to that; `begun` says that it is written down, or about to be, that it is
    done. `asked_for` and `refused` count how often it was asked for, and how often there was no room."""

    key: str
    kind: str
    asked: str
    effect: EffectClass
    request: Any
    call: Call
    probe: Call | None
    timeout_ms: int | None
    reserve: int
    past: Past | None
    note: dict[str, Any]
    keyed: bool = True
    reservation: str = ""
    approved_by: str = ""
    begun: bool = False
    asked_for: int = 0
    refused: int = 0

    def short_request(self) -> r.Raw:
        if self.request is None or self.effect != "read" or self.reservation:
            return NIL
        packed = pack(self.request)
        return msgspec.Raw(packed) if len(packed) <= SHORT_REQUEST else NIL


def decide(past: Past | None, resolved: r.EffectResolved | None, effect: EffectClass) -> Next:
    """What to do about an effect, by what is on record."""
    if past is None:
        return "do"
    if past.state == "done":
        return "return"
    if past.state == "failed":
        return "raise"
    if resolved is not None:
        return "do again" if resolved.how == "retry" else ("return" if resolved.how == "done" else "raise")
    match effect:
        case "read" | "idempotent":
            return "do again"
        case "checkable":
            return "probe"
        case "once":
            return "ask"
        case _:
            assert_never(effect)


def idempotency_key(run_id: str, key: str) -> str:
    """What we send to the other side: the same on every attempt at this effect, and of no other effect."""
    return digest(f"{run_id}/{key}")


def said(value: Any, type: type[T] | None) -> Any:
    """The value as the type asked for; as it is where a person said something else."""
    if type is None or isinstance(value, type):
        return value
    try:
        return msgspec.convert(value, type)
    except msgspec.ValidationError:
        return value


def again(key: str, body: r.Raw) -> PerdureError:
    """The error on record, as it is raised when it happens and whenever the handler comes here again."""
    error = restored(body)
    error.facts.setdefault("key", key)
    return error


def refused(key: str, resolved: r.EffectResolved | None) -> EffectFailed:
    why = f": {resolved.why}" if resolved is not None and resolved.why else ""
    return EffectFailed(f"{key} was in doubt and was decided to have failed{why}", key=key)


def diverged(key: str, past: Past, asked: str, request: Any) -> ReplayDivergence:
    recorded = unpack(past.request) if past.request != NIL else f"(digest {past.digest})"
    now = request if request is not None else f"(digest {asked})"
    return ReplayDivergence(f"{key} is on record with another request", key=key, recorded=recorded, asked=now)
