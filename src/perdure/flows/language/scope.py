"""Which names a step may use, and what each of them is."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator

from ..types import Type, or_null, union


class Scope:
    """The names of one block, in front of those around it. `apart`: it runs beside others, so that it cannot change
    what belongs to the blocks around it."""

    def __init__(self, outer: Scope | None = None, *, apart: bool = False) -> None:
        self.own: dict[str, Type] = {}
        self.variables: set[str] = set()
        self.env: set[str] = set() if outer is None else set(outer.env)
        """Settings that are there by name."""
        self.previous: str = "" if outer is None else outer.previous
        """The name of the step before."""
        self._outer = outer
        self._apart = apart
        around = () if outer is None else outer.types.maps
        self.types: ChainMap[str, Type] = ChainMap(self.own, *around)

    def variable(self, name: str) -> tuple[Scope | None, bool]:
        """The scope that a variable belongs to, and whether it may be changed from here."""
        apart = False
        for scope in self._up():
            if name in scope.variables:
                return scope, not apart
            apart = apart or scope._apart
        return None, True

    def assign(self, name: str, type: Type) -> None:
        owner, _ = self.variable(name)
        if owner is None:
            self.variables.add(name)
            self.own[name] = type
        else:
            owner.own[name] = union(owner.own[name], type)

    def adopt(self, inner: Scope, *, sure: bool) -> None:
        """Take over the names of a block inside this one. Where it is not `sure` that it ran, they may be null."""
        for name, type in inner.own.items():
            self.own[name] = type if sure else or_null(type)
        self.variables |= inner.variables

    def _up(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope._outer
