"""The other form of a flow: nodes, and edges that say what comes after what. It becomes the same nested steps that a
person would write: what has to come first in front, what does not depend on each other side by side.

Where a graph is made of series and branches, nothing waits longer than its edges ask. Where it is not (`a → c`,
`a → d`, `b → d`), the nodes that nothing comes before are put in front of the rest, all together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import msgspec

from perdure.agents.config.problems import guess

from .desk import Desk
from .spot import Spot


class Way(msgspec.Struct, frozen=True):
    """One way to a node: it is taken where `source` was done ("" where that is sure) and `when` is true."""

    source: str
    when: Spot | None


class Leaf(msgspec.Struct, frozen=True):
    """A node. Where it has `ways`, it runs if one of them is taken."""

    spot: Spot
    ways: tuple[Way, ...] = ()


class Series(msgspec.Struct, frozen=True):
    items: tuple[Order, ...]


class Beside(msgspec.Struct, frozen=True):
    items: tuple[Order, ...]


Order: TypeAlias = Leaf | Series | Beside
MOST_NODES = 1_000
DEEPEST = 20
"""Levels of branches within branches; what lies deeper runs level by level."""


class Edge(msgspec.Struct, frozen=True):
    source: str
    target: str
    spot: Spot
    when: Spot | None = None


class Graph:
    """The nodes of a file in its order, and its edges: all of them between nodes that there are, and without a circle
    (else there is a problem on the desk, and no edges)."""

    def __init__(self, nodes: Spot | None, edges: Spot | None, desk: Desk) -> None:
        self.nodes = dict(_nodes(nodes, desk))
        if len(self.nodes) > MOST_NODES and nodes is not None:
            desk.wrong(nodes, f"more than {MOST_NODES:,} nodes; use a loop, or a flow within a flow")
            self.nodes, edges = {}, None  # edges between nodes that are not looked at tell nothing
        self.edges = [edge for edge in _edges(edges, desk) if self._fits(edge, desk)]
        circle = self._circle()
        if circle:
            edge = next(edge for edge in self.edges if (edge.source, edge.target) == (circle[-2], circle[-1]))
            what = f"a circle: {' → '.join(circle)}; nothing in it could begin. Use a loop (`until`, `while`)"
            desk.wrong(edge.spot, what)
            self.edges = []

    def order(self) -> tuple[Order, ...]:
        """The nodes as steps one after the other."""
        ids = list(self.nodes)
        place = {id: number for number, id in enumerate(ids)}
        before = [0] * len(ids)
        sure: set[str] = set()
        ways: dict[str, tuple[Way, ...]] = {}
        for id in self._sorted():
            into = [edge for edge in self.edges if edge.target == id]
            for edge in into:
                before[place[id]] |= before[place[edge.source]] | 1 << place[edge.source]
            certain = not into or any(edge.when is None and edge.source in sure for edge in into)
            if certain and not _is_guarded(self.nodes[id].value):
                sure.add(id)
            ways[id] = () if certain else tuple(_way(edge, sure) for edge in into)
        found = _order((1 << len(ids)) - 1, before)
        return _made(found, [Leaf(self.nodes[id], ways[id]) for id in ids])

    def _fits(self, edge: Edge, desk: Desk) -> bool:
        for id in (edge.source, edge.target):
            if id not in self.nodes:
                desk.wrong(edge.spot, f"there is no node `{id}`{guess(id, self.nodes)}")
                return False
        return True

    def _circle(self) -> list[str]:
        """The nodes of a circle, the first of them again at the end; nothing where there is none."""
        left = set(self.nodes) - set(self._sorted())
        way: list[str] = []
        id = next((id for id in self.nodes if id in left), "")
        while id and id not in way:
            way.append(id)
            id = next(edge.source for edge in self.edges if edge.target == id and edge.source in left)
        return [id, *reversed(way[way.index(id) :])] if id else []

    def _sorted(self) -> list[str]:
        """Every node behind those that it comes after; those that can never begin are not among them."""
        waits = {id: {edge.source for edge in self.edges if edge.target == id} for id in self.nodes}
        found: list[str] = []
        while free := [id for id, sources in waits.items() if not sources]:
            for id in free:
                del waits[id]
            for sources in waits.values():
                sources.difference_update(free)
            found += free
        return found


def _way(edge: Edge, sure: set[str]) -> Way:
    return Way("" if edge.source in sure else edge.source, edge.when)


def _is_guarded(node: Any) -> bool:
    return isinstance(node, dict) and "if" in node and "then" not in node


def _nodes(spot: Spot | None, desk: Desk) -> Iterator[tuple[str, Spot]]:
    if spot is None:
        return
    if not spot.value:
        desk.wrong(spot, "there are no nodes here")
    seen: dict[str, Spot] = {}
    for id, node in _named(spot, desk):
        if id in seen:
            desk.wrong(node.get("id") or node, f"`{id}` is taken: line {seen[id].line()} has it already")
        else:
            seen[id] = node
            yield id, node


def _named(spot: Spot, desk: Desk) -> Iterator[tuple[str, Spot]]:
    if isinstance(spot.value, dict):
        for id, node in spot.items():
            if isinstance(node.value, str):
                yield id, node.within((), {"id": id, "agent": node.value})
            elif desk.is_mapping(node):
                yield id, node.within((), {"id": id, **node.value})
    elif desk.is_list(spot):
        for node in spot:
            if not desk.is_mapping(node):
                continue
            if isinstance(node.value.get("id"), str):
                yield node.value["id"], node
            else:
                desk.wrong(node, "a node needs an `id`")


def _edges(spot: Spot | None, desk: Desk) -> Iterator[Edge]:
    if spot is None or not desk.is_list(spot):
        return
    for entry in spot:
        if isinstance(entry.value, str):
            parts = [_ids(part) for part in re.split(r"->|→", entry.value)]
            if len(parts) < 2 or not all(parts):
                desk.wrong(entry, "expected `a -> b`, or `a -> b, c -> d`")
                continue
            for sources, targets in pairwise(parts):
                yield from (Edge(source, target, entry) for source in sources for target in targets)
        elif desk.is_mapping(entry):
            desk.keys(entry, ("from", "to", "if"), {"when": "if", "condition": "if", "source": "from", "target": "to"})
            sides = [entry.get(side) for side in ("from", "to")]
            if None in sides:
                desk.wrong(entry, "an edge has `from` and `to`")
                continue
            sources, targets = ([id for text in desk.texts(side) for id in _ids(text)] for side in sides)
            yield from (Edge(s, t, entry, entry.get("if")) for s in sources for t in targets)


def _ids(text: str) -> list[str]:
    return [id for id in re.split(r"[\s,\[\]]+", text) if id]


# -- from before and after to series and branches ---------------------------------------------------------------------

_Tree: TypeAlias = "int | tuple[str, list[_Tree]]"


def _order(nodes: int, before: list[int], depth: int = 0) -> list[_Tree]:
    """What runs one after the other. Sets of nodes are the bits of a number; `before[n]` are all that `n` waits for."""
    series: list[_Tree] = []
    while nodes:
        front = _front(nodes, before)
        groups = _apart(front, before)
        if (len(groups) == 1 and front.bit_count() > 1) or depth > DEEPEST:
            front = sum(1 << n for n in _bits(front) if not before[n] & front)
            groups = [1 << n for n in _bits(front)]
        if len(groups) > 1:
            branches = [_order(group, before, depth + 1) for group in groups]
            series.append(("beside", [b[0] if len(b) == 1 else ("series", b) for b in branches]))
        else:
            series.append(front.bit_length() - 1)
        nodes &= ~front
    return series


def _front(nodes: int, before: list[int]) -> int:
    """The smallest set of nodes that all others of `nodes` wait for as a whole."""
    ordered = sorted(_bits(nodes), key=lambda n: ((before[n] & nodes).bit_count(), n))
    front = 0
    for number, node in enumerate(ordered, 1):
        front |= 1 << node
        if all(before[later] & front == front for later in ordered[number:]):
            return front
    return front


def _apart(nodes: int, before: list[int]) -> list[int]:
    """Groups that have nothing to do with each other, in the order of the file."""
    groups: list[int] = []
    for node in _bits(nodes):
        own = 1 << node | (before[node] & nodes)
        touching = [group for group in groups if group & own]
        for group in touching:
            own |= group
        groups = [group for group in groups if not group & own] + [own]
    return sorted(groups, key=lambda group: group & -group)


def _bits(nodes: int) -> list[int]:
    return [n for n in range(nodes.bit_length()) if nodes >> n & 1]


def _made(trees: list[_Tree], leaves: list[Leaf]) -> tuple[Order, ...]:
    found: list[Order] = []
    for tree in trees:
        if isinstance(tree, int):
            found.append(leaves[tree])
        else:
            kind, inner = tree
            found.append((Series if kind == "series" else Beside)(_made(inner, leaves)))
    return tuple(found)
