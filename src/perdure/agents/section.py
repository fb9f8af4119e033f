"""A mapping in a file."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every mapping in a file: keys that it does not know are errors."""
