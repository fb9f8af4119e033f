"""Trees made of other trees: what stands in them, and names put in the place of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from .tree import Call, Expression, Fields, Items, Join, Literal, Name, Node

_NODES = get_args(Node)


def children(node: Node) -> Iterator[Node]:
    match node:
        case Expression(_, root):
            yield root
        case Join(parts) | Items(parts):
            yield from parts
        case Fields(parts):
            yield from (part for _, part in parts)
        case Call(_, arguments):
            yield from arguments
        case Literal() | Name():
            pass
        case _:
            for field in node.__struct_fields__:
                inner = getattr(node, field)
                if isinstance(inner, _NODES):
                    yield inner


def walk(node: Node) -> Iterator[Node]:
    """The tree itself and every tree in it."""
    yield node
    for inner in children(node):
        yield from walk(inner)


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The tree with some names replaced by others."""
    match node:
        case Name(name, at):
            return Name(names[name], at) if name in names else node
        case Literal():
            return node
        case Join(parts) | Items(parts):
            return msgspec.structs.replace(node, parts=tuple(renamed(part, names) for part in parts))
        case Fields(parts):
            return Fields(tuple((name, renamed(part, names)) for name, part in parts))
        case Call(function, arguments, at):
            return Call(function, tuple(renamed(argument, names) for argument in arguments), at)
        case _:
            inner: list[tuple[str, Any]] = [(field, getattr(node, field)) for field in node.__struct_fields__]
            changed = {field: renamed(tree, names) for field, tree in inner if isinstance(tree, _NODES)}
            return msgspec.structs.replace(node, **changed)
