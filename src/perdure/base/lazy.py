"""Things that are strings until they are used: "module:attribute", imported when somebody asks."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load(where: str) -> Any:
    """The object that "module:attribute" names; its module is imported now."""
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)
