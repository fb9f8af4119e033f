"""What the mappings of files are made of."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

Name: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)",
        extra_json_schema={
            "errorMessage": "expected 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
        },
    ),
]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Section(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every mapping in a file: keys that it does not know are errors."""
