"""Steps that wait: for a time, an event, a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expressions.tree import Literal
from ..plan import Approval, Await, Sleep
from ..types import ANY, BOOLEAN, NULL, TEXT, Type, or_null, union
from .grammar import WAIT
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


def read_wait(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = spot.within(("wait",), spot.value["wait"])
    if not isinstance(said.value, dict):
        if isinstance(said.value, str) and "${" in said.value:
            return Sleep(path=path, span=r.desk.value(said, scope)[0]), NULL
        return Sleep(path=path, span=Literal((r.desk.duration(said) or 0) / 1000)), NULL
    r.desk.keys(said, WAIT, {"topic": "event", "question": "approval", "duration": "for", "time": "until"})
    kinds = [kind for kind in ("for", "until", "event", "approval") if kind in said.value]
    if len(kinds) != 1:
        found = " and ".join(f"`{kind}`" for kind in kinds) or "none"
        r.desk.wrong(said, f"a wait has exactly one of `for`, `until`, `event`, `approval`; found {found}")
        return Sleep(path=path, span=Literal(0)), ANY
    head = said.within((kinds[0],), said.value[kinds[0]])
    useful = {"event": ("match", "timeout"), "approval": ("options", "about", "timeout", "default")}
    for key in ("match", "options", "about", "timeout", "default"):
        if key in said.value and key not in useful.get(kinds[0], ()):
            r.desk.wrong(said.within((key,), None), f"`{key}` means nothing beside `{kinds[0]}`", key=True)
    match kinds[0]:
        case "for":
            return read_wait(r, spot.within((), {**spot.value, "wait": head.value}), path, scope)
        case "until":
            return Sleep(path=path, until=r.desk.value(head, scope)[0]), NULL
        case "event":
            return _await(r, said, head, path, scope)
        case _:
            return _approval(r, said, head, path, scope)


def _await(r: Reader, said: Spot, head: Spot, path: str, scope: Scope) -> Made:
    topic, _ = r.desk.value(head, scope, TEXT, "a topic")
    asked = said.get("match")
    inner = Scope(scope)
    inner.own["event"] = ANY
    match = None if asked is None else r.desk.condition(asked, inner)
    return Await(path=path, topic=topic, match=match, patience_ms=r.desk.duration(said.get("timeout"))), ANY


def _approval(r: Reader, said: Spot, head: Spot, path: str, scope: Scope) -> Made:
    question, _ = r.desk.value(head, scope, TEXT, "a question")
    options = r.desk.texts(said.get("options"))
    about = said.get("about")
    late, instead = (None, None) if (one := said.get("default")) is None else r.desk.value(one, scope)
    if options and len(set(options)) != len(options):
        r.desk.wrong(said.within(("options",), None), "an answer stands here twice")
    step = Approval(
        path=path,
        question=question,
        options=options,
        about=None if about is None else r.desk.value(about, scope)[0],
        patience_ms=r.desk.duration(said.get("timeout")),
        late=late,
    )
    given = Type("text", options=options) if options else BOOLEAN
    if instead is not None:
        return step, union(given, instead)
    return step, given if step.patience_ms is None else or_null(given)
