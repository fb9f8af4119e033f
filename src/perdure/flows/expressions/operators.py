"""Operators between two values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from .meter import Fault, Meter
from .values import NUMBERS, is_number, kind_of, number

Apply: TypeAlias = Callable[[Any, Any, Meter], Any]


def is_same(left: Any, right: Any, meter: Meter) -> bool:
    """Equal as JSON is: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
        if type(left) is not type(right) or len(left) != len(right):
            return False
        meter.work(len(left))
        if isinstance(left, list):
            return all(is_same(one, other, meter) for one, other in zip(left, right, strict=True))
        return all(name in right and is_same(value, right[name], meter) for name, value in left.items())
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _is_in(what: Any, where: Any, meter: Meter) -> bool:
    if isinstance(where, str) and isinstance(what, str):
        meter.work(1 + len(where) // 100)
        return what in where
    if isinstance(where, list):
        meter.work(len(where))
        return any(is_same(item, what, meter) for item in where)
    if isinstance(where, dict):
        return isinstance(what, str) and what in where
    raise Fault(f"`in` looks into a list, a mapping or a text, found {kind_of(where)}", missing=where is None)


def number_for(sign: str, value: Any) -> Any:
    """The value, where it is a number."""
    if not is_number(value):
        hint = "; put texts together as `a ${b} c`, or with `| text`" if sign == "+" else ""
        raise Fault(f"`{sign}` needs numbers, found {kind_of(value)}{hint}")
    return value


def _order(sign: str, compare: Callable[[Any, Any], bool]) -> Apply:
    def apply(left: Any, right: Any, meter: Meter) -> bool:
        if (type(left) in NUMBERS and type(right) in NUMBERS) or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        raise Fault(f"`{sign}` compares two numbers or two texts, found {kind_of(left)} and {kind_of(right)}")

    return apply


def _reckon(sign: str, compute: Callable[[Any, Any], Any]) -> Apply:
    def apply(left: Any, right: Any, meter: Meter) -> int | float:
        if not (type(left) in NUMBERS and type(right) in NUMBERS):
            number_for(sign, left)
            number_for(sign, right)
        if right == 0 and sign in ("/", "//", "%"):
            raise Fault("division by zero")
        return number(compute(left, right))

    return apply


_sum = _reckon("+", operator.add)


def _add(left: Any, right: Any, meter: Meter) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        meter.text(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        meter.list(len(left) + len(right))
        return left + right
    return _sum(left, right, meter)


OPERATORS: dict[str, Apply] = {
    "==": is_same,
    "!=": lambda left, right, meter: not is_same(left, right, meter),
    "in": _is_in,
    "not in": lambda left, right, meter: not _is_in(left, right, meter),
    "<": _order("<", operator.lt),
    "<=": _order("<=", operator.le),
    ">": _order(">", operator.gt),
    ">=": _order(">=", operator.ge),
    "+": _add,
    "-": _reckon("-", operator.sub),
    "*": _reckon("*", operator.mul),
    "/": _reckon("/", operator.truediv),
    "//": _reckon("//", operator.floordiv),
    "%": _reckon("%", operator.mod),
}
