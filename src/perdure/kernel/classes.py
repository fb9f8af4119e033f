"""The four classes of effect, and what each means when a crash leaves one in doubt."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

EffectClass: TypeAlias = Literal["read", "idempotent", "checkable", "once"]
"""
read         no side effect: do it again
idempotent   the other side honours a key that we send: do it again with the same key
checkable    there is a probe: ask it, then decide
once         anything else: a person decides
"""

EFFECT_CLASSES: tuple[EffectClass, ...] = get_args(EffectClass)
