"""A second ledger of the money, kept from what was committed: what the store says has to be the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from perdure.kernel.store.ops import Op, Reserve, SetLimit, Settle


class Ledger:
    """`reserved` and `spent` are by scope and period; `wrong` tells where more was set aside than was allowed."""

    def __init__(self) -> None:
        self.reserved: dict[tuple[str, int], int] = defaultdict(int)
        self.spent: dict[tuple[str, int], int] = defaultdict(int)
        self.wrong: list[str] = []
        self._newest: dict[str, int] = {}
        self._given: dict[str, int | None] = {}
        self._open: dict[str, tuple[int, list[tuple[str, int]]]] = {}

    def enter(self, ops: Iterable[Op]) -> None:
        for op in ops:
            match op:
                case Reserve() if op.id not in self._open:
                    self._reserve(op)
                case Settle() if op.id in self._open:
                    amount, places = self._open.pop(op.id)
                    for place in places:
                        self.reserved[place] -= amount
                        self.spent[place] += op.spent
                case SetLimit():
                    self._given[op.id] = op.limit
                case _:
                    pass

    def newest(self, scope: str) -> tuple[str, int]:
        return scope, self._newest.get(scope, 0)

    def spent_in_all(self, scope: str) -> int:
        return sum(spent for (id, _), spent in self.spent.items() if id == scope)

    def _reserve(self, op: Reserve) -> None:
        places = []
        for scope in op.scopes:
            # A clock that is behind counts in the period that others have begun.
            self._newest[scope.id] = max(scope.period, self._newest.get(scope.id, scope.period))
            place = self.newest(scope.id)
            self.reserved[place] += op.amount
            given = self._given.get(scope.id)
            limit = scope.limit if given is None else given
            if limit is not None and self.reserved[place] + self.spent[place] > limit:
                held = f"{self.spent[place]} spent and {self.reserved[place]} reserved"
                self.wrong.append(f"{scope.id} of period {place[1]} has {held}, of {limit}")
            places.append(place)
        self._open[op.id] = op.amount, places
