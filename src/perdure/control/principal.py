"""Who asks, and what they may: every request comes from somebody."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import msgspec

from perdure.base.errors import MissingScope

Scope: TypeAlias = Literal["read", "send", "approve", "admin"]
"""`read` sees everything, `send` gives agents work, `approve` answers what they ask, `admin` does all there is."""
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Principal(msgspec.Struct, frozen=True):
    """`name` is what decisions are recorded under, `key` the id of the key that was shown, "" for the token."""

    name: str
    scopes: frozenset[Scope]
    key: str = ""
    is_session: bool = False

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def require(self, scope: Scope) -> None:
        """Raises MissingScope."""
        if not self.may(scope):
            raise MissingScope(f"the key {self.key!r} lacks the scope {scope!r}", scope=scope, key=self.key)


OPERATOR = Principal("operator", frozenset(("admin",)))
"""Whoever has the project's token."""
