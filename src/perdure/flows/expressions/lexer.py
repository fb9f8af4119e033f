"""Text becomes tokens, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Kind = Literal["name", "word", "number", "text", "sign", "end"]


class Token(msgspec.Struct, frozen=True):
    """`value` is what a number or text means; of the rest, what is written. `word` is a name with a meaning."""

    kind: Kind
    value: Any
    at: int
    width: int = 1


class SyntaxFault(Exception):
    """Something in an expression that cannot be read, at a place of its text, from 0."""

    def __init__(self, what: str, at: int, width: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.width = max(1, width)


WORDS = frozenset(("and", "or", "not", "in", "if", "else", "true", "false", "null"))
BIGGEST = 2**63 - 1

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d]\w*)
    | (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<sign>\?\?|==|!=|<=|>=|//|&&|\|\||[-+*/%<>|.,:()\[\]{}])
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t"}
_FOREIGN = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "=": "write `==` to compare",
    "?": "write `a if condition else b`, or `a ?? b` for a default",
    "$": "inside `${…}` names stand alone, without `$`",
}


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of an expression that begins at `start`, and an `end` where the text does, or where a `}` stands that
    closes nothing. Raises SyntaxFault."""
    at, depth = start, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        kind, written = found.lastgroup, found[0]
        if written == "}" and depth == 0:
            break
        depth += (written == "{") - (written == "}")
        if written in _FOREIGN:
            raise SyntaxFault(f"`{written}` has no meaning here; {_FOREIGN[written]}", at, len(written))
        if kind == "number":
            yield Token("number", _number(written, at), at, len(written))
        elif kind == "text":
            yield Token("text", _unescaped(written[1:-1]), at, len(written))
        elif kind == "name":
            yield Token("word" if written in WORDS else "name", written, at, len(written))
        elif kind == "sign":
            yield Token("sign", written, at, len(written))
        at = found.end()
    yield Token("end", "", at)


def _number(written: str, at: int) -> int | float:
    digits = written.replace("_", "")
    number = float(digits) if set(digits) & set(".eE") else int(digits) if len(digits) < 20 else BIGGEST + 1
    if not -BIGGEST <= number <= BIGGEST:
        raise SyntaxFault("the number is too large", at, len(written))
    return number


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text) if "\\" in text else text


def _unreadable(text: str, at: int) -> SyntaxFault:
    char = text[at]
    if char in "'\"":
        return SyntaxFault("this quote is never closed", at)
    instead = _FOREIGN.get(char)
    return SyntaxFault(f"`{char}` has no meaning here" + (f"; {instead}" if instead else ""), at)
