"""What one evaluation may take: work and size are counted, so that no expression holds up or fills a process."""

from __future__ import annotations

from typing import Any

MOST_WORK = 1_000_000
LONGEST_TEXT = 1_000_000
LONGEST_LIST = 100_000


class Fault(Exception):
    """An expression has no value. `missing`: it reached for something that is not there, which `??` makes good."""

    def __init__(self, what: str, *, missing: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.missing = missing


class Meter:
    """Counts down; what would go below nothing is a Fault."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_WORK

    def work(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise Fault(f"too much work for an expression: more than {MOST_WORK:,} values looked at")

    def text(self, length: int) -> None:
        """Ask for room before a text is made. A character is a hundredth of a value."""
        if length > LONGEST_TEXT:
            raise Fault(f"the text would be {length:,} characters long; {LONGEST_TEXT:,} are the most")
        self.work(1 + length // 100)

    def list(self, length: int) -> None:
        """Ask for room before a list or mapping is made."""
        if length > LONGEST_LIST:
            raise Fault(f"the list would be {length:,} items long; {LONGEST_LIST:,} are the most")
        self.work(1 + length)

    def weigh(self, value: Any) -> None:
        """Count all that is in a value, as often as it is in it."""
        open = [value]
        while open:
            inner = open.pop()
            if isinstance(inner, str):
                self.work(1 + len(inner) // 100)
            elif isinstance(inner, list):
                self.work(1 + len(inner))
                open += inner
            elif isinstance(inner, dict):
                self.work(1 + len(inner))
                open += inner.values()
