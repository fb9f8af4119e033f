"""What an expression gives, as far as that is known before it is evaluated, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from perdure.base.nearest import nearest

from ..types import ANY, BOOLEAN, INTEGER, NUMBER, TEXT, Type, accepts, list_of, mapping_of, or_null, type_of, union
from .functions import FUNCTIONS
from .lexer import SyntaxFault
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

Report: TypeAlias = Callable[[Expression | None, SyntaxFault], None]
"""Told what is wrong, and in which `${…}`; its place is counted from behind the `${`."""
_OPENS = ("any", "null")


def infer(node: Node, names: Mapping[str, Type], report: Report) -> Type:
    """The type of what a tree gives. `names` are all that it may use; every fault goes to `report`."""
    return _Inference(names, report).type(node)


class _Inference:
    def __init__(self, names: Mapping[str, Type], report: Report) -> None:
        self._names = names
        self._report = report
        self._within: Expression | None = None

    def type(self, node: Node) -> Type:
        match node:
            case Expression(_, root):
                self._within = node
                return self.type(root)
            case Literal(value):
                return type_of(value)
            case Name(name, at):
                return self._name(name, at)
            case Member(of, name, at):
                return self._field(self.type(of), name, at + 1)
            case Index(of, key, at):
                return self._item(self.type(of), key, at)
            case Call(function, arguments, at):
                return self._call(function, arguments, at)
            case Binary():
                return self._binary(node)
            case Logic(operator, left, right, at):
                self._truth(left, at, f"`{operator}`")
                self._truth(right, at, f"`{operator}`")
                return BOOLEAN
            case Not(of, at):
                self._truth(of, at, "`not`")
                return BOOLEAN
            case Negative(of, at):
                return self._numeric(self.type(of), "-", at)
            case Otherwise(left, right):
                given = self.type(left)
                bare = Type(given.kind, given.item, given.fields, given.optional, given.options)
                return union(bare, self.type(right)) if given.kind != "null" else self.type(right)
            case Choice(condition, then, otherwise, at):
                self._truth(condition, at, "`if`")
                return union(self.type(then), self.type(otherwise))
            case Items(parts):
                return self._items([self.type(part) for part in parts])
            case Fields(parts):
                return mapping_of({name: self.type(part) for name, part in parts})
            case Join(parts):
                for part in parts:
                    self.type(part)
                return TEXT

    def _name(self, name: str, at: int) -> Type:
        found = self._names.get(name)
        if found is None:
            near = guess_of(name, self._names)
            if not near and name in FUNCTIONS:
                near = f"; the function is called `{name}(…)`"
            self._wrong(f"unknown name `{name}`{near}", at, name)
            return ANY
        return found

    def _field(self, of: Type, name: str, at: int) -> Type:
        if of.kind in _OPENS:
            return ANY
        if of.kind != "mapping":
            hint = ""
            if of.kind == "list":
                hint = f"; one item is `[0]`, `| pluck('{name}')` is that of all"
            self._wrong(f"{_a(of)} has no field `{name}`{hint}", at, name)
            return ANY
        found = of.field(name)
        if found is None:
            known = [known for known, _ in of.fields or ()]
            near = guess_of(name, known) or (f"; there are {', '.join(known)}" if known else "")
            self._wrong(f"there is no field `{name}`{near}", at, name)
            return ANY
        return or_null(found) if of.nullable else found

    def _item(self, of: Type, key: Node, at: int) -> Type:
        by = self.type(key)
        if isinstance(key, Literal) and isinstance(key.value, str) and of.kind == "mapping":
            return self._field(of, key.value, at)
        wanted = {"list": INTEGER, "mapping": TEXT}.get(of.kind)
        if wanted is None:
            if of.kind not in _OPENS:
                self._wrong(f"{_a(of)} has no items", at)
            return ANY
        if not accepts(wanted, by):
            self._wrong(f"{_a(of)} has no item by {by}; expected {wanted}", at)
        return of.item or ANY

    def _call(self, name: str, arguments: tuple[Node, ...], at: int) -> Type:
        given = tuple(self.type(argument) for argument in arguments)
        function = FUNCTIONS.get(name)
        if function is None:
            self._wrong(f"unknown function `{name}`{guess_of(name, FUNCTIONS)}", at, name)
            return ANY
        most, least = len(function.takes), len(function.takes) - function.optional
        if not least <= len(given) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            self._wrong(f"`{name}` takes {wanted} values, the filtered one included; found {len(given)}", at, name)
            return ANY
        for number, (wants, has) in enumerate(zip(function.takes, given, strict=False), 1):
            if not accepts(wants, has) and has.kind != "null":
                where = f"`{name}` needs" if number == 1 else f"value {number} of `{name}` is"
                self._wrong(f"{where} {_a(wants)}, found {has}", at, name)
        return function.result(given)

    def _binary(self, node: Binary) -> Type:
        left, right, at = self.type(node.left), self.type(node.right), node.at
        match node.operator:
            case "==" | "!=":
                self._comparable(node, left, right)
                return BOOLEAN
            case "<" | "<=" | ">" | ">=":
                fits = all(kind in ("any", "null", "number", "integer") for kind in (left.kind, right.kind)) or all(
                    kind in ("any", "null", "text") for kind in (left.kind, right.kind)
                )
                if not fits:
                    self._wrong(f"`{node.operator}` compares two numbers or two texts, found {left} and {right}", at)
                return BOOLEAN
            case "in" | "not in":
                if right.kind not in ("any", "null", "list", "mapping", "text"):
                    self._wrong(f"`in` looks into a list, a mapping or a text, found {right}", at)
                elif right.kind == "list" and isinstance(node.left, Literal):
                    self._option(node.left.value, right.item or ANY, at)
                return BOOLEAN
            case "+" if left.kind == right.kind and left.kind in ("text", "list"):
                return TEXT if left.kind == "text" else self._items([left.item or ANY, right.item or ANY])
            case "+" if "any" in (left.kind, right.kind) and {left.kind, right.kind} & {"text", "list", "any"}:
                known = left if right.kind == "any" else right
                return known if known.kind == "text" else ANY
            case "/":
                self._numeric(left, "/", at)
                self._numeric(right, "/", at)
                return NUMBER
            case _:
                return union(self._numeric(left, node.operator, at), self._numeric(right, node.operator, at))

    def _comparable(self, node: Binary, left: Type, right: Type) -> None:
        if not (accepts(Type(left.kind), Type(right.kind)) or accepts(Type(right.kind), Type(left.kind))):
            if "null" not in (left.kind, right.kind):
                self._wrong(f"{_a(left)} never equals {_a(right)}", node.at)
            return
        for one, type in ((node.left, right), (node.right, left)):
            if isinstance(one, Literal):
                self._option(one.value, type, node.at)

    def _option(self, value: object, type: Type, at: int) -> None:
        if type.options and isinstance(value, str) and value not in type.options:
            near = guess_of(value, type.options) or f"; it is one of {', '.join(type.options)}"
            self._wrong(f"this is never `{value}`{near}", at)

    def _numeric(self, given: Type, operator: str, at: int) -> Type:
        if given.kind in ("integer", "number"):
            return Type(given.kind)
        if given.kind not in _OPENS:
            hint = "; put texts together as `a ${b} c`" if operator == "+" and given.kind == "text" else ""
            self._wrong(f"`{operator}` needs numbers, found {given}{hint}", at)
        return NUMBER

    def _truth(self, node: Node, at: int, what: str) -> None:
        given = self.type(node)
        if given.kind not in ("boolean", *_OPENS):
            self._wrong(f"{what} needs true or false, found {given}; compare it with something", at)

    def _items(self, types: list[Type]) -> Type:
        item: Type | None = None
        for type in types:
            item = type if item is None else union(item, type)
        return list_of(item or ANY)

    def _wrong(self, what: str, at: int, word: str = "") -> None:
        self._report(self._within, SyntaxFault(what, at, len(word)))


def guess_of(word: str, known: Iterable[str]) -> str:
    near = nearest(word, [name for name in known if "/" not in name])
    return f"; did you mean `{near}`?" if near else ""


def _a(type: Type) -> str:
    article = "" if type.kind in ("null", "any") else "an " if type.kind == "integer" else "a "
    return f"{article}{type.kind}"


def constant(node: Node | None) -> bool | None:
    """True or false where a condition is always that; None where it depends on something."""
    value = node.root if isinstance(node, Expression) else node
    return value.value if isinstance(value, Literal) and isinstance(value.value, bool) else None
