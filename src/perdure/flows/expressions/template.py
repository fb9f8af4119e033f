"""Values of a file become trees: text that is one `${…}` keeps the type of what it gives, other text is put together.

`$${` stands for `${` itself.
"""

from __future__ import annotations

import re
from typing import Any, Protocol, TypeAlias

from .lexer import SyntaxFault
from .parser import parse_at
from .tree import Expression, Fields, Items, Join, Literal, Node

Path: TypeAlias = tuple[str | int, ...]


class Reader(Protocol):
    """Told where expressions are, and what is wrong with them: the path of the text, and which `${` of it (from 0)."""

    def found(self, path: Path, number: int, expression: Expression) -> None: ...

    def fault(self, path: Path, number: int, fault: SyntaxFault) -> None:
        """The place of the fault is counted from behind that `${`."""


_OPEN = re.compile(r"\$\$\{|\$\{")


def compile_value(value: Any, reader: Reader, path: Path = ()) -> Node:
    """The tree of plain data with expressions in its texts. Null stands for what is wrong."""
    match value:
        case str():
            return compile_text(value, reader, path) if "${" in value else Literal(value)
        case list():
            parts = tuple(compile_value(inner, reader, (*path, number)) for number, inner in enumerate(value))
            plain = [part.value for part in parts if isinstance(part, Literal)]
            return Literal(plain) if len(plain) == len(parts) else Items(parts)
        case dict():
            fields = tuple((str(name), compile_value(inner, reader, (*path, name))) for name, inner in value.items())
            known = {name: part.value for name, part in fields if isinstance(part, Literal)}
            return Literal(known) if len(known) == len(fields) else Fields(fields)
        case _:
            return Literal(value)


def compile_text(text: str, reader: Reader, path: Path = ()) -> Node:
    parts: list[Node] = []
    at, count = 0, 0
    while (found := _OPEN.search(text, at)) is not None:
        if found.start() > at:
            parts.append(Literal(text[at : found.start()]))
        if found[0] == "$${":
            parts.append(Literal("${"))
            at = found.end()
        else:
            try:
                expression, at = _expression(text, found.end())
            except SyntaxFault as fault:
                reader.fault(path, count, SyntaxFault(fault.what, fault.at - found.end(), fault.width))
                return Literal(None)
            reader.found(path, count, expression)
            parts.append(expression)
        count += 1
    if at < len(text):
        parts.append(Literal(text[at:]))
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return parts[0]
    if all(isinstance(part, Literal) for part in parts):
        return Literal("".join(part.value for part in parts if isinstance(part, Literal)))
    return Join(tuple(parts))


def _expression(text: str, start: int) -> tuple[Expression, int]:
    """The expression behind a `${`, and the place behind its `}`."""
    expression, end = parse_at(text, start)
    if end >= len(text):
        raise SyntaxFault("this `${` is never closed by `}`", start - 2, 2)
    return expression, end + 1
