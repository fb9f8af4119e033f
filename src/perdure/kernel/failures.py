"""Errors on record: how one is written down, and how it is raised again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perdure.base.codec import pack, unpack
from perdure.base.errors import ERRORS, EffectFailed, InputError, PerdureError


def normal(error: BaseException) -> PerdureError:
    """Any error as one of ours, so that it reads the same from the record as when it happened."""
    if isinstance(error, PerdureError):
        return error
    return EffectFailed(f"{type(error).__name__}: {error}")


def told(error: PerdureError) -> tuple[dict[str, Any], msgspec.Raw]:
    """The error as a mapping, and packed. Facts that cannot be stored are left out, as are halves of characters."""
    shown = error.as_dict()
    try:
        return shown, msgspec.Raw(pack(shown))
    except InputError:
        shown = {name: _clean(value) for name, value in shown.items() if name != "facts"}
        return shown, msgspec.Raw(pack(shown))


def restored(body: msgspec.Raw) -> PerdureError:
    """The error that a record tells of, to be raised again."""
    return error_of(unpack(body) or {"code": EffectFailed.code, "message": "the effect failed"})


def error_of(said: Mapping[str, Any]) -> PerdureError:
    """The error that was told as this mapping."""
    cls = ERRORS.get(said["code"], EffectFailed)
    error = cls.__new__(cls)
    PerdureError.__init__(error, said["message"], hint=said.get("hint"), retryable=said.get("retryable", False))
    error.facts = said.get("facts", {})
    return error


def _clean(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
