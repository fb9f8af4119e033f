"""Tokens become a tree: a Pratt parser, in which every sign says how strongly it binds.

From weakest to strongest:

    a if c else b
    or
    and
    not
    ==  !=  <  <=  >  >=  in  not in
    |                                   a filter takes what arithmetic stands on its left
    +  -
    *  /  //  %
    ??
    -a
    a.b  a[b]  a(b)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .lexer import SyntaxFault, Token, tokens
from .tree import (
    Binary,
    Call,
    Choice,
    Expression,
    Fields,
    Index,
    Items,
    Literal,
    Logic,
    Member,
    Name,
    Negative,
    Node,
    Not,
    Otherwise,
)

T = TypeVar("T")

DEEPEST = 50
MOST_TOKENS = 1_000
_CHOICE, _NOT, _COMPARE, _PIPE, _MINUS, _POSTFIX = 10, 40, 50, 60, 90, 100
_BINDS = {
    "if": _CHOICE,
    "or": 20,
    "and": 30,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not"), _COMPARE),
    "|": _PIPE,
    **dict.fromkeys(("+", "-"), 70),
    **dict.fromkeys(("*", "/", "//", "%"), 80),
    "??": 85,
    **dict.fromkeys((".", "[", "("), _POSTFIX),
}
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expression:
    """The tree of an expression, `${` and `}` not included. Raises SyntaxFault."""
    expression, end = parse_at(text, 0)
    if end != len(text):
        raise SyntaxFault("this `}` closes nothing", end)
    return expression


def parse_at(text: str, start: int) -> tuple[Expression, int]:
    """The expression that begins at `start` of a longer text, and the place of the `}` after it, or the text's end."""
    parser = _Parser(text, start)
    root = parser.whole()
    end = parser.next.at
    return Expression(text[start:end].strip(), root), end


class _Parser:
    def __init__(self, text: str, start: int) -> None:
        self._tokens = tokens(text, start)
        self._start = start
        self._taken = 0
        self._depth = 0
        self.next = next(self._tokens)

    def whole(self) -> Node:
        if self._ended():
            raise SyntaxFault("there is nothing between the braces", self.next.at)
        root = self._expression(0)
        if not self._ended():
            raise self._unexpected()
        return root

    def _ended(self) -> bool:
        return self.next.kind == "end"

    def _expression(self, least: int) -> Node:
        """What follows, as far as it binds more strongly than `least`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise SyntaxFault(f"nested deeper than {DEEPEST} levels", self.next.at)
        left = self._first(self._take())
        while _BINDS.get(str(self.next.value), 0) > least and self.next.kind in ("sign", "word"):
            left = self._more(left, self._take())
        self._depth -= 1
        return left

    def _first(self, token: Token) -> Node:
        match token:
            case Token("number" | "text", value):
                return Literal(value)
            case Token("name", name):
                return Name(name, self._place(token))
            case Token("word", "true" | "false" | "null" as word):
                return Literal(_CONSTANTS[word])
            case Token("word", "not"):
                return Not(self._expression(_NOT), self._place(token))
            case Token("sign", "-"):
                return self._negative(token)
            case Token("sign", "("):
                inner = self._expression(0)
                self._close(")", token)
                return inner
            case Token("sign", "["):
                return Items(tuple(self._listed("]", token, lambda: self._expression(0))))
            case Token("sign", "{"):
                return Fields(tuple(self._listed("}", token, self._field)))
            case _:
                raise self._unexpected(token)

    def _more(self, left: Node, token: Token) -> Node:
        """What a sign makes of what stands on its left."""
        at, sign = self._place(token), str(token.value)
        match sign:
            case ".":
                return Member(left, self._name("the name of a field"), at)
            case "[":
                key = self._expression(0)
                self._close("]", token)
                return Index(left, key, at)
            case "(":
                if not isinstance(left, Name):
                    raise SyntaxFault("only a function can be called", token.at)
                return Call(left.name, tuple(self._listed(")", token, lambda: self._expression(0))), left.at)
            case "|":
                return self._filter(left, self._place(self.next))
            case "??":
                return Otherwise(left, self._expression(_BINDS[sign] - 1), at)
            case "and" | "or":
                return Logic(sign, left, self._expression(_BINDS[sign]), at)
            case "if":
                return self._choice(left, at)
            case "not":
                if self.next.value != "in":
                    raise self._unexpected(token)
                self._take()
                return self._compared(Binary("not in", left, self._expression(_COMPARE), at))
            case _:
                made = Binary(sign, left, self._expression(_BINDS[sign]), at)  # type: ignore[arg-type]
                return self._compared(made) if _BINDS[sign] == _COMPARE else made

    def _compared(self, made: Node) -> Node:
        """`a < b < c` means something else in every language."""
        if self.next.kind in ("sign", "word") and _BINDS.get(str(self.next.value)) == _COMPARE:
            raise SyntaxFault("compare two things at a time: `a < b and b < c`", self.next.at, self.next.width)
        return made

    def _negative(self, token: Token) -> Node:
        inner = self._expression(_MINUS)
        if isinstance(inner, Literal) and type(inner.value) in (int, float):
            return Literal(-inner.value)
        return Negative(inner, self._place(token))

    def _filter(self, left: Node, at: int) -> Node:
        name = self._name("the name of a filter, such as `| upper`")
        arguments: list[Node] = []
        if self.next.kind == "sign" and self.next.value == "(":
            arguments = self._listed(")", self._take(), lambda: self._expression(0))
        if name == "default" and len(arguments) == 1:
            return Otherwise(left, arguments[0], at)
        return Call(name, (left, *arguments), at)

    def _choice(self, then: Node, at: int) -> Node:
        condition = self._expression(_CHOICE)
        if self.next.value != "else" or self.next.kind != "word":
            raise SyntaxFault("expected `else`: `a if condition else b`", self.next.at, self.next.width)
        self._take()
        return Choice(condition, then, self._expression(_CHOICE - 1), at)

    def _field(self) -> tuple[str, Node]:
        token = self._take()
        if token.kind not in ("name", "text", "word"):
            raise SyntaxFault("expected the name of a field", token.at, token.width)
        if self.next.value != ":" or self.next.kind != "sign":
            raise SyntaxFault("expected `:` after the name of a field", self.next.at, self.next.width)
        self._take()
        return str(token.value), self._expression(0)

    def _listed(self, close: str, open: Token, one: Callable[[], T]) -> list[T]:
        found: list[T] = []
        while not (self.next.kind == "sign" and self.next.value == close):
            found.append(one())
            if not (self.next.kind == "sign" and self.next.value == ","):
                break
            self._take()
        self._close(close, open)
        return found

    def _close(self, sign: str, open: Token) -> None:
        if self.next.kind == "end":
            raise SyntaxFault("this bracket is never closed", open.at)
        if self.next.kind != "sign" or self.next.value != sign:
            raise SyntaxFault(f"expected `{sign}`, found {_shown(self.next)}", self.next.at, self.next.width)
        self._take()

    def _name(self, what: str) -> str:
        token = self._take()
        if token.kind not in ("name", "word"):
            raise SyntaxFault(f"expected {what}, found {_shown(token)}", token.at, token.width)
        return str(token.value)

    def _take(self) -> Token:
        token = self.next
        self._taken += 1
        if self._taken > MOST_TOKENS:
            raise SyntaxFault(f"longer than {MOST_TOKENS:,} words and signs", token.at)
        if token.kind != "end":
            self.next = next(self._tokens)
        return token

    def _place(self, token: Token) -> int:
        return token.at - self._start

    def _unexpected(self, token: Token | None = None) -> SyntaxFault:
        token = token or self.next
        if token.kind == "end":
            return SyntaxFault("the expression ends too early", max(self._start, token.at - 1))
        return SyntaxFault(f"{_shown(token)} cannot stand here", token.at, token.width)


def _shown(token: Token) -> str:
    return "the end of the expression" if token.kind == "end" else f"`{token.value}`"
