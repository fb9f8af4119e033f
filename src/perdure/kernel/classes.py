"""The four classes of effect, and what each means when a crash leaves one in doubt."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import msgspec

from perdure.base.usage import Usage

EffectClass: TypeAlias = Literal["read", "idempotent", "checkable", "once"]
"""
read         no side effect: do it again
idempotent   the other side honours a key that we send: do it again with the same key
checkable    there is a probe: ask it, then decide
once         anything else: a person decides
"""

EFFECT_CLASSES: tuple[EffectClass, ...] = get_args(EffectClass)


class NotDone(msgspec.Struct, frozen=True, gc=False):
    """A probe's answer: the effect did not happen, so it is safe to do it now."""


class Unsure(msgspec.Struct, frozen=True, gc=False):
    """A probe's answer: it cannot tell, so a person has to."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """An effect's result with what it used. `cost` is micro-USD, `price` names the price list it was counted by,
    `note` is shown beside it in a trace."""

    value: Any
    usage: Usage | None = None
    cost: int = 0
    price: str = ""
    note: dict[str, Any] = {}
