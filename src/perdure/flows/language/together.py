"""Steps that work with others: they ask, call for proposals, meet, and tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expressions.tree import Literal, Node
from ..plan import Barrier, Broadcast, Contract, Gather, Request
from ..types import ANY, NUMBER, TEXT, Type, accepts, list_of, mapping_of
from .grammar import FOREIGN_TOGETHER, TOGETHER
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader

ANSWERS = list_of(mapping_of({"sender": TEXT, "payload": ANY, "error": ANY}))


def read_request(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = _said(r, spot, "request")
    topic = _value(r, said, "topic", scope, TEXT, "a topic")
    return Request(path=path, topic=topic, payload=_value(r, said, "with", scope), within_ms=_within(r, said)), ANY


def read_gather(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = _said(r, spot, "gather")
    step = Gather(
        path=path,
        topic=_topics(r, said, scope),
        payload=_value(r, said, "with", scope),
        first=r.desk.count(said.get("first")) or 1,
        within_ms=_within(r, said),
        partial=r.desk.flag(said.get("partial")),
        summary_to=_summary_to(r, said, scope),
    )
    return step, ANSWERS


def read_contract(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = _said(r, spot, "contract")
    inner = Scope(scope)
    inner.own["proposal"] = ANY
    step = Contract(
        path=path,
        topic=_value(r, said, "topic", scope, TEXT, "a topic"),
        task=_value(r, said, "task", scope),
        within_ms=_within(r, said),
        score=_value(r, said, "score", inner, NUMBER, "a score") if said.get("score") else None,
        best="min" if r.desk.choice(said.get("best"), ("max", "min")) == "min" else "max",
        awards=r.desk.count(said.get("awards")) or 1,
        summary_to=_summary_to(r, said, scope),
    )
    return step, mapping_of({"awarded": ANSWERS, "proposals": ANSWERS})


def read_barrier(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = _said(r, spot, "barrier")
    meeting = _value(r, said, "name", scope, TEXT, "the name of a meeting")
    parties = r.desk.count(said.get("parties")) or 1
    return Barrier(path=path, meeting=meeting, parties=parties, within_ms=_within(r, said)), list_of(TEXT)


def read_broadcast(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = _said(r, spot, "broadcast")
    thread = _value(r, said, "thread", scope, TEXT, "a thread") if said.get("thread") else None
    return Broadcast(path=path, payload=_value(r, said, "with", scope), thread=thread), TEXT


def _said(r: Reader, spot: Spot, kind: str) -> Spot:
    """What stands below the step's own key."""
    said = spot.within((kind,), spot.value[kind])
    if r.desk.is_mapping(said):
        fields = TOGETHER[kind]
        r.desk.keys(said, fields, FOREIGN_TOGETHER)
        for name, field in fields.items():
            if field.required and said.get(name) is None:
                r.desk.wrong(said, f"`{name}` is required: {field.about[0].lower()}{field.about[1:].rstrip('.')}")
    return said


def _value(r: Reader, said: Spot, key: str, scope: Scope, wanted: Type = ANY, what: str = "") -> Node:
    inner = said.get(key)
    return Literal(None) if inner is None else r.desk.value(inner, scope, wanted, what)[0]


def _topics(r: Reader, said: Spot, scope: Scope) -> Node:
    inner = said.get("topic")
    if inner is None:
        return Literal(None)
    node, given = r.desk.value(inner, scope)
    if not accepts(TEXT, given) and not accepts(list_of(TEXT), given):
        r.desk.wrong(inner, f"a topic is text, or a list of texts, found {given}")
    return node


def _summary_to(r: Reader, said: Spot, scope: Scope) -> Node | None:
    return _value(r, said, "summary_to", scope, TEXT, "a topic") if said.get("summary_to") else None


def _within(r: Reader, said: Spot) -> int:
    return r.desk.duration(said.get("within")) or 1
