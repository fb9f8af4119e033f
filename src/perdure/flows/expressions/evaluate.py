"""Trees become values. Pure: the same names give the same value, or the same error.

A tree is made a function the first time that it is asked for its value, and keeps it: a loop asks again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, assert_never

from perdure.base.errors import ExpressionFailed

from .functions import FUNCTIONS, Function
from .meter import Fault, Meter
from .operators import OPERATORS, is_same, number_for
from .tree import (
    Binary,
    Call,
    Choice,
    Expression,
    Fields,
    Index,
    Items,
    Join,
    Literal,
    Logic,
    Member,
    Name,
    Negative,
    Node,
    Not,
    Otherwise,
)
from .values import as_text, is_number, kind_of, number, show

Run: TypeAlias = Callable[[Mapping[str, Any], Meter], Any]


def evaluate(node: Node, names: Mapping[str, Any]) -> Any:
    """The value of a tree, as plain data. A name that `names` does not hold is null. Raises ExpressionFailed."""
    if type(node) is Literal:
        return node.value
    if type(node) is Expression and type(node.root) is Name:
        return names.get(node.root.name)
    run: Run | None = node.__dict__.get("run")
    if run is None:
        run = node.__dict__["run"] = _function(node)
    meter = Meter()
    try:
        value = run(names, meter)
        if type(value) in (list, dict):
            meter.weigh(value)
    except Fault as fault:
        raise ExpressionFailed(fault.what) from fault
    return value


def truth(node: Node, names: Mapping[str, Any]) -> bool:
    """Whether a condition is true; null is not. Raises ExpressionFailed for anything but true, false and null."""
    value = evaluate(node, names)
    if value is True or value is False or value is None:
        return value is True
    shown = f"`${{{node.text}}}`: " if isinstance(node, Expression) else ""
    raise ExpressionFailed(f"{shown}{_NOT_TRUTH.format(kind_of(value))}")


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal, as `==` in an expression says it."""
    return is_same(left, right, Meter())


_NOT_TRUTH = "expected true or false, found {}; compare it with something"


def _function(node: Node) -> Run:
    """What gives the tree's value. The size of a tree is bounded by its text: only what it works on is metered."""
    match node:
        case Expression(text, root):
            return _named(text, _function(root))
        case Literal(value):
            return lambda names, meter: value
        case Name(name):
            return lambda names, meter: names.get(name)
        case Member(of, name):
            whole = _function(of)
            return lambda names, meter: _member(whole(names, meter), name)
        case Index(of, key):
            whole, place = _function(of), _function(key)
            return lambda names, meter: _index(whole(names, meter), place(names, meter))
        case Call(name, arguments):
            return _call(name, [_function(argument) for argument in arguments])
        case Binary(operator, left, right):
            apply, one, other = OPERATORS[operator], _function(left), _function(right)
            return lambda names, meter: apply(one(names, meter), other(names, meter), meter)
        case Logic(operator, left, right):
            is_or, one, other = operator == "or", _function(left), _function(right)
            return lambda names, meter: is_or if _truth(one(names, meter)) is is_or else _truth(other(names, meter))
        case Not(of):
            whole = _function(of)
            return lambda names, meter: not _truth(whole(names, meter))
        case Negative(of):
            whole = _function(of)
            return lambda names, meter: number(-number_for("-", whole(names, meter)))
        case Otherwise(left, right):
            return _otherwise(_function(left), _function(right))
        case Choice(condition, then, otherwise):
            decide, one, other = _function(condition), _function(then), _function(otherwise)
            return lambda names, meter: (one if _truth(decide(names, meter)) else other)(names, meter)
        case Items(parts):
            inner = [_function(part) for part in parts]
            return lambda names, meter: [part(names, meter) for part in inner]
        case Fields(parts):
            fields = [(name, _function(part)) for name, part in parts]
            return lambda names, meter: {name: part(names, meter) for name, part in fields}
        case Join(parts):
            return _join([_function(part) for part in parts])
        case other:
            assert_never(other)


def _named(text: str, run: Run) -> Run:
    """Its faults tell which expression they are of."""

    def value(names: Mapping[str, Any], meter: Meter) -> Any:
        try:
            return run(names, meter)
        except Fault as fault:
            raise Fault(f"`${{{text:.120}}}`: {fault.what}", missing=fault.missing) from fault

    return value


def _otherwise(left: Run, right: Run) -> Run:
    def value(names: Mapping[str, Any], meter: Meter) -> Any:
        try:
            found = left(names, meter)
        except Fault as fault:
            if not fault.missing:
                raise
            found = None
        return right(names, meter) if found is None else found

    return value


def _join(parts: list[Run]) -> Run:
    def value(names: Mapping[str, Any], meter: Meter) -> str:
        texts = [as_text(part(names, meter), meter) for part in parts]
        meter.text(sum(map(len, texts)))
        return "".join(texts)

    return value


def _call(name: str, arguments: list[Run]) -> Run:
    function = FUNCTIONS.get(name)

    def value(names: Mapping[str, Any], meter: Meter) -> Any:
        given = [argument(names, meter) for argument in arguments]
        return _checked(name, function, given).run(meter, *given)

    return value


def _checked(name: str, function: Function | None, given: list[Any]) -> Function:
    """The function, which takes what is given to it."""
    if function is None or not len(function.takes) - function.optional <= len(given) <= len(function.takes):
        raise Fault(f"there is no function `{name}` of {len(given)} values")
    for place, (wanted, value) in enumerate(zip(function.takes, given, strict=False), 1):
        if not _FITS[wanted.kind](value):
            where = f"`{name}` needs a {wanted}" if place == 1 else f"argument {place} of `{name}` is a {wanted}"
            raise Fault(f"{where}, found {kind_of(value)}", missing=value is None)
    return function


def _truth(value: Any) -> bool:
    if value is not True and value is not False and value is not None:
        raise Fault(_NOT_TRUTH.format(kind_of(value)))
    return value is True


def _member(of: Any, name: str) -> Any:
    if isinstance(of, dict):
        if name in of:
            return of[name]
        raise Fault(f"there is no `{name}` in {show(of)}", missing=True)
    raise Fault(f"{kind_of(of)} has no field `{name}`", missing=of is None)


def _index(of: Any, key: Any) -> Any:
    if isinstance(of, dict) and isinstance(key, str):
        return _member(of, key)
    if isinstance(of, list) and type(key) is int:
        if -len(of) <= key < len(of):
            return of[key]
        raise Fault(f"there is no item {key} in a list of {len(of)}", missing=True)
    raise Fault(f"{kind_of(of)} has no item by {kind_of(key)}", missing=of is None)


_FITS: dict[str, Any] = {
    "any": lambda _: True,
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": is_number,
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, dict),
}
