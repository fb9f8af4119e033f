"""The names of access levels."""

from __future__ import annotations

from typing import Literal, TypeAlias

Access: TypeAlias = Literal["read_only", "read_write", "sign_only", "budgeted", "disabled"]
