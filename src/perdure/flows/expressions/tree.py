"""What an expression is once it is read: a tree of these, frozen, without a trace of how it was spaced.

A value in a flow's file is one tree as well: plain data is `Literal`, a list or mapping that holds expressions is
`Items` or `Fields`, text around expressions is `Join`, and each `${…}` is an `Expression`.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from typing import Literal as OneOf

import msgspec


class _Node(msgspec.Struct, frozen=True, tag_field="node", omit_defaults=True, dict=True):
    """`evaluate` keeps beside a tree what it made of it."""


class Expression(_Node, frozen=True, tag="expression"):
    """One `${…}`: its text without the braces, for people, and its tree."""

    text: str
    root: Node


class Literal(_Node, frozen=True, tag="literal"):
    value: Any


class Join(_Node, frozen=True, tag="join"):
    """Texts and expressions, put together as text."""

    parts: tuple[Node, ...]


class Items(_Node, frozen=True, tag="items"):
    parts: tuple[Node, ...]


class Fields(_Node, frozen=True, tag="fields"):
    parts: tuple[tuple[str, Node], ...]


class Name(_Node, frozen=True, tag="name"):
    """A name of the flow. `at` is the place in the text of the expression, from 0, here and below."""

    name: str
    at: int = 0


class Member(_Node, frozen=True, tag="member"):
    """`of.name`."""

    of: Node
    name: str
    at: int = 0


class Index(_Node, frozen=True, tag="index"):
    """`of[key]`."""

    of: Node
    key: Node
    at: int = 0


class Not(_Node, frozen=True, tag="not"):
    of: Node
    at: int = 0


class Negative(_Node, frozen=True, tag="negative"):
    of: Node
    at: int = 0


Operator: TypeAlias = OneOf["+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "not in"]


class Binary(_Node, frozen=True, tag="binary"):
    operator: Operator
    left: Node
    right: Node
    at: int = 0


class Logic(_Node, frozen=True, tag="logic"):
    """`and`, `or`: the right side is only looked at where the left one does not decide. Gives true or false."""

    operator: OneOf["and", "or"]
    left: Node
    right: Node
    at: int = 0


class Otherwise(_Node, frozen=True, tag="otherwise"):
    """`left ?? right`: the right one where the left one is null, or reaches for something that is not there."""

    left: Node
    right: Node
    at: int = 0


class Choice(_Node, frozen=True, tag="choice"):
    """`then if condition else otherwise`."""

    condition: Node
    then: Node
    otherwise: Node
    at: int = 0


class Call(_Node, frozen=True, tag="call"):
    """`function(a, b)`, which `a | function(b)` is another way to write."""

    function: str
    arguments: tuple[Node, ...]
    at: int = 0


Node: TypeAlias = (
    Expression
    | Literal
    | Join
    | Items
    | Fields
    | Name
    | Member
    | Index
    | Not
    | Negative
    | Binary
    | Logic
    | Otherwise
    | Choice
    | Call
)
