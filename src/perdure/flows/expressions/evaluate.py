"""Trees become values. Pure: the same names give the same value, or the same error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure.base.errors import ExpressionFailed

from .functions import FUNCTIONS
from .meter import Fault, Meter
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


def evaluate(node: Node, names: Mapping[str, Any]) -> Any:
    """The value of a tree, as plain data. A name that `names` does not hold is null. Raises ExpressionFailed."""
    if type(node) is Literal:
        return node.value
    if type(node) is Expression and type(node.root) is Name:
        return names.get(node.root.name)
    meter = Meter()
    try:
        value = _value(node, names, meter)
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
    return _same(left, right, Meter())


_NOT_TRUTH = "expected true or false, found {}; compare it with something"


def _value(node: Node, names: Mapping[str, Any], meter: Meter) -> Any:
    meter.work(1)
    match node:
        case Expression(text, root):
            try:
                return _value(root, names, meter)
            except Fault as fault:
                raise Fault(f"`${{{text:.120}}}`: {fault.what}", missing=fault.missing) from fault
        case Literal(value):
            return value
        case Name(name):
            return names.get(name)
        case Member(of, name):
            return _member(_value(of, names, meter), name)
        case Index(of, key):
            return _index(_value(of, names, meter), _value(key, names, meter))
        case Call(function, arguments):
            return _call(function, [_value(argument, names, meter) for argument in arguments], meter)
        case Binary(operator, left, right):
            return _binary(operator, _value(left, names, meter), _value(right, names, meter), meter)
        case Logic(operator, left, right):
            decided = _truth(_value(left, names, meter)) is (operator == "or")
            return operator == "or" if decided else _truth(_value(right, names, meter))
        case Not(of):
            return not _truth(_value(of, names, meter))
        case Negative(of):
            return number(-_number(_value(of, names, meter), "-"))
        case Otherwise(left, right):
            return _otherwise(left, right, names, meter)
        case Choice(condition, then, otherwise):
            return _value(then if _truth(_value(condition, names, meter)) else otherwise, names, meter)
        case Items(parts):
            return [_value(part, names, meter) for part in parts]
        case Fields(parts):
            return {name: _value(part, names, meter) for name, part in parts}
        case Join(parts):
            texts = [as_text(_value(part, names, meter), meter) for part in parts]
            meter.text(sum(map(len, texts)))
            return "".join(texts)


def _otherwise(left: Node, right: Node, names: Mapping[str, Any], meter: Meter) -> Any:
    try:
        value = _value(left, names, meter)
    except Fault as fault:
        if not fault.missing:
            raise
        value = None
    return _value(right, names, meter) if value is None else value


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


def _call(name: str, arguments: list[Any], meter: Meter) -> Any:
    function = FUNCTIONS.get(name)
    if function is None or not len(function.takes) - function.optional <= len(arguments) <= len(function.takes):
        raise Fault(f"there is no function `{name}` of {len(arguments)} values")
    for number_, (wanted, given) in enumerate(zip(function.takes, arguments, strict=False), 1):
        if not _FITS[wanted.kind](given):
            where = f"`{name}` needs a {wanted}" if number_ == 1 else f"argument {number_} of `{name}` is a {wanted}"
            raise Fault(f"{where}, found {kind_of(given)}", missing=given is None)
    return function.run(meter, *arguments)


_FITS: dict[str, Any] = {
    "any": lambda _: True,
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": is_number,
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, dict),
}


def _binary(operator: str, left: Any, right: Any, meter: Meter) -> Any:
    match operator:
        case "==":
            return _same(left, right, meter)
        case "!=":
            return not _same(left, right, meter)
        case "in" | "not in":
            return _contains(right, left, meter) is (operator == "in")
        case "<" | "<=" | ">" | ">=":
            return _ordered(operator, left, right)
        case "+" if isinstance(left, str) and isinstance(right, str):
            meter.text(len(left) + len(right))
            return left + right
        case "+" if isinstance(left, list) and isinstance(right, list):
            meter.list(len(left) + len(right))
            return left + right
        case _:
            return _arithmetic(operator, _number(left, operator), _number(right, operator))


def _same(left: Any, right: Any, meter: Meter) -> bool:
    """Equal as JSON is: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
        if type(left) is not type(right) or len(left) != len(right):
            return False
        meter.work(len(left))
        if isinstance(left, list):
            return all(_same(one, other, meter) for one, other in zip(left, right, strict=True))
        return all(name in right and _same(value, right[name], meter) for name, value in left.items())
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _contains(where: Any, what: Any, meter: Meter) -> bool:
    if isinstance(where, str) and isinstance(what, str):
        meter.work(1 + len(where) // 100)
        return what in where
    if isinstance(where, list):
        meter.work(len(where))
        return any(_same(item, what, meter) for item in where)
    if isinstance(where, dict):
        return isinstance(what, str) and what in where
    raise Fault(f"`in` looks into a list, a mapping or a text, found {kind_of(where)}", missing=where is None)


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if not ((is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))):
        raise Fault(f"`{operator}` compares two numbers or two texts, found {kind_of(left)} and {kind_of(right)}")
    match operator:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _number(value: Any, operator: str) -> Any:
    if not is_number(value):
        hint = "; put texts together as `a ${b} c`, or with `| text`" if operator == "+" else ""
        raise Fault(f"`{operator}` needs numbers, found {kind_of(value)}{hint}")
    return value


def _arithmetic(operator: str, left: Any, right: Any) -> int | float:
    if operator in ("/", "//", "%") and right == 0:
        raise Fault("division by zero")
    match operator:
        case "+":
            made = left + right
        case "-":
            made = left - right
        case "*":
            made = left * right
        case "/":
            made = left / right
        case "//":
            made = left // right
        case _:
            made = left % right
    return number(made)
