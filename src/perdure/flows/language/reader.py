"""Blocks and steps: every key of a step is read here but those of its own kind, which `kinds` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from perdure.agents.config.problems import either, guess, show_value

from ..expressions.tree import Binary, Literal, Logic, Name, Node
from ..expressions.typing import constant
from ..plan import Block, Fail, Parallel, Retry, Sequential, Step
from ..types import ANY, BOOLEAN, NULL, TEXT, Type, list_of, mapping_of, or_null, union_of
from . import kinds
from .desk import Desk
from .grammar import COMMON, FOREIGN_STEP, KINDS, RETRY, kinds_in
from .graph import Beside, Leaf, Order, Series, Way
from .scope import Scope
from .spot import Spot

MOST_STEPS = 10_000
ERROR = mapping_of({"code": TEXT, "message": TEXT, "step": TEXT, "retryable": BOOLEAN})


class Place:
    """Where the steps of one block stand: gives each its path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._counts: dict[str, int] = {}

    def next(self, kind: str, id: str = "") -> str:
        segment = id or kind
        if not id:
            self._counts[kind] = count = self._counts.get(kind, 0) + 1
            segment = kind if count == 1 else f"{kind}#{count}"
        return f"{self.path}/{segment}" if self.path else segment


class Reader:
    """Reads steps in the order in which they run, so that a name is known once it can be there."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._steps = 0

    # -- blocks -------------------------------------------------------------------------------------------------------

    def block(self, spot: Spot | None, path: str, scope: Scope) -> tuple[Block, Type]:
        """The steps of a list (or a single one), and the type of the last one's result."""
        if spot is None:
            return (), NULL
        spots: Iterable[Spot] = [spot] if isinstance(spot.value, dict | str) else spot
        if not isinstance(spot.value, dict | str | list):
            self.desk.wrong(spot, f"expected a list of steps, found {show_value(spot.value)}")
            return (), ANY
        if not spot.value:
            self.desk.wrong(spot, "there are no steps here")
        return self.series(spots, path, scope)

    def series(self, items: Iterable[Spot | Order], path: str, scope: Scope) -> tuple[Block, Type]:
        place, steps, given = Place(path), [], NULL
        ended: Step | None = None
        for item in items:
            found = self.item(item, place, scope)
            if found is None:
                continue
            step, given = found
            if ended is not None and isinstance(item, Spot):
                self.desk.wrong(item, f"this step is never reached: `{ended.path}` always fails before it")
                ended = None
            elif isinstance(step, Fail) and step.when is None and step.on_error is None:
                ended = step
            steps.append(step)
            scope.own[step.name] = given
            scope.previous = step.name
        return tuple(steps), given

    def inner(
        self, spot: Spot | None, path: str, scope: Scope, *, sure: bool, names: dict[str, Type] | None = None
    ) -> tuple[Block, Type]:
        """A block with names of its own, which the block around it sees afterwards; perhaps null where not `sure`."""
        own = Scope(scope)
        own.own.update(names or {})
        steps, given = self.block(spot, path, own)
        for name in names or ():
            own.own.pop(name, None)
        scope.adopt(own, sure=sure)
        return steps, given

    def branches(self, spot: Spot, path: str, scope: Scope, *, sure: bool) -> tuple[Block, list[Type], bool]:
        """Steps side by side, what each gives, and whether every one of them has an id."""
        if isinstance(spot.value, dict):
            items = [self._named(name, inner) for name, inner in spot.items()]
        elif self.desk.is_list(spot):
            items = list(spot)
        else:
            return (), [], False
        if not items:
            self.desk.wrong(spot, "there are no branches here")
        return self.beside(items, path, scope, sure=sure)

    def beside(
        self, items: Iterable[Spot | Order], path: str, scope: Scope, *, sure: bool
    ) -> tuple[Block, list[Type], bool]:
        place, steps, types = Place(path), [], []
        scopes = []
        for item in items:
            own = Scope(scope, apart=True)
            found = self.item(item, place, own)
            if found is not None:
                steps.append(found[0])
                types.append(found[1])
                own.own[found[0].name] = found[1]
                scopes.append(own)
        for own in scopes:
            scope.adopt(own, sure=sure)
        return tuple(steps), types, all(step.id for step in steps)

    def item(self, item: Spot | Order, place: Place, scope: Scope) -> tuple[Step, Type] | None:
        match item:
            case Leaf(spot, ways):
                return self.step(spot, place, scope, self._taken(ways, scope))
            case Series(items):
                path = place.next("sequential")
                steps, given = self.series(items, path, scope)
                return Sequential(path=path, steps=steps), given
            case Beside(items):
                path = place.next("parallel")
                steps, types, keyed = self.beside(items, path, scope, sure=True)
                return Parallel(path=path, branches=steps, keyed=keyed), together(steps, types, keyed)
            case _:
                return self.step(item, place, scope)

    def _taken(self, ways: Iterable[Way], scope: Scope) -> Node | None:
        """When one of the ways to a node was taken."""
        taken: Node | None = None
        for way in ways:
            one = None if way.when is None else self.desk.condition(way.when, scope)
            if way.source:
                done = Binary("in", Literal(way.source), Name("done"))
                one = done if one is None else Logic("and", done, one)
            if one is not None:
                taken = one if taken is None else Logic("or", taken, one)
        return taken

    # -- one step -----------------------------------------------------------------------------------------------------

    def step(self, spot: Spot, place: Place, scope: Scope, guard: Node | None = None) -> tuple[Step, Type] | None:
        """The step, and the type of its result; None where it cannot be read."""
        desk = self.desk
        self._steps += 1
        if self._steps > MOST_STEPS:
            if self._steps == MOST_STEPS + 1:
                desk.wrong(spot, f"more than {MOST_STEPS:,} steps; use a loop, or a flow within a flow")
            return None
        if isinstance(spot.value, str):
            spot = spot.within((), {"agent": spot.value})
        if not desk.is_mapping(spot):
            return None
        kind = self._kind(spot)
        if kind is None:
            return None
        read, name = kinds.KINDS[kind]
        fields = set(KINDS[kind].fields) | {kind}
        common = [key for key in COMMON if key not in fields]
        desk.keys(spot, [*fields, *common], FOREIGN_STEP)
        id = self._id(spot)
        path = place.next(name, id)
        desk.lines[path] = spot.line()
        when = desk.condition(asked, scope) if "if" in common and (asked := spot.get("if")) is not None else None
        self._constant(spot.get("if"), when)
        with settings(scope):
            env = desk.settings(spot.get("env"), scope)
            made, given = read(self, spot, path, scope)
        sure = when is None and guard is None
        on_error, instead = self._on_error(spot, path, scope)
        after = Scope(scope)
        after.own[id or path] = given
        common_fields: dict[str, Any] = {
            "id": id,
            "when": when if guard is None else guard if when is None else Logic("and", guard, when),
            "env": env,
            "timeout_ms": desk.duration(spot.get("timeout")) if "timeout" in common else None,
            "retry": self._retry(spot.get("retry")),
            "on_error": on_error,
            "compensate": self.block(spot.get("compensate"), f"{path}/compensate", Scope(after, apart=True))[0],
            "finally_": self.block(spot.get("finally"), f"{path}/finally", Scope(scope, apart=True))[0],
        }
        step: Step = msgspec.structs.replace(made, **{name: value for name, value in common_fields.items() if value})
        if on_error == ():
            step = msgspec.structs.replace(step, on_error=())
        if instead is not None:
            given = or_null(given) if instead.kind == "null" else union_of([given, instead])
        return step, given if sure else or_null(given)

    def _kind(self, spot: Spot) -> str | None:
        """Which of a step's keys says what it does; None, and what is wrong, where none or several do."""
        found = kinds_in(spot.value)
        if len(found) == 1:
            return found[0]
        if found:
            what = f"a step does one thing; found {' and '.join(f'`{key}`' for key in found)}: make two steps of it"
            self.desk.wrong(spot.within((found[1],), None), what, key=True)
            return None
        strange = [key for key in spot.value if key not in COMMON]
        hint = ""
        for key in strange:
            known = FOREIGN_STEP.get(key)
            hint = f"; for `{key}` write `{known}`" if known in KINDS else guess(key, KINDS)
            if hint:
                break
        words = either(f"`{key}`" for key in ("agent", "tool", "flow", "set", "wait", "parallel", "if", "for_each"))
        self.desk.wrong(spot, f"this step does nothing: it has none of {words}, …{hint}")
        return None

    def _id(self, spot: Spot) -> str:
        said = spot.get("id")
        if said is None:
            return ""
        id = self.desk.new_name(said, said.value, "an id")
        first = self.desk.ids.get(id)
        if first is not None:
            where = f"{first.source.name}:" if first.source is not said.source else "line "
            self.desk.wrong(said, f"`{id}` is taken: {where}{first.line()} has it already; ids are unique in a flow")
            return ""
        if id:
            self.desk.ids[id] = said
        return id

    def _constant(self, spot: Spot | None, when: Node | None) -> None:
        if spot is not None and constant(when) is False:
            self.desk.wrong(spot, "this is never true: the step is never reached")

    def _named(self, name: str, spot: Spot) -> Spot:
        """A branch that is written as `id: step`."""
        if isinstance(spot.value, str):
            return spot.within((), {"id": name, "agent": spot.value})
        if isinstance(spot.value, list):
            return spot.within((), {"id": name, "sequential": spot.value})
        if isinstance(spot.value, dict) and "id" in spot.value:
            self.desk.wrong(spot.within(("id",), None), f"this branch has the id `{name}` already", key=True)
        return spot.within((), {"id": name, **spot.value}) if isinstance(spot.value, dict) else spot

    # -- what stands around a step ------------------------------------------------------------------------------------

    def _retry(self, spot: Spot | None) -> Retry | None:
        desk = self.desk
        if spot is None:
            return None
        if not isinstance(spot.value, dict):
            attempts = desk.count(spot, 1_000)
            return None if attempts is None else Retry(attempts)
        desk.keys(spot, RETRY)
        if "attempts" not in spot.value:
            desk.wrong(spot, "`attempts` is required: how often the step is tried in all")
        usual = Retry(1)
        return Retry(
            desk.count(spot.get("attempts"), 1_000) or 1,
            desk.duration(spot.get("backoff")) or usual.backoff_ms,
            desk.number(spot.get("factor"), usual.factor, 1, 100),
            desk.duration(spot.get("most")) or usual.most_ms,
            desk.texts(spot.get("on")),
        )

    def _on_error(self, spot: Spot, path: str, scope: Scope) -> tuple[Block | None, Type | None]:
        return self.on_error(spot.get("on_error"), path, scope)

    def on_error(self, spot: Spot | None, path: str, scope: Scope) -> tuple[Block | None, Type | None]:
        """The steps of an `on_error`, and what they give; None and None where there is none."""
        if spot is None:
            return None, None
        if spot.value == "ignore":
            return (), NULL
        if isinstance(spot.value, str) and spot.value not in self.desk.agents:
            self.desk.wrong(spot, f"expected steps, or `ignore`, found {show_value(spot.value)}")
            return (), ANY
        inside = f"{path}/on_error" if path else "on_error"
        return self.inner(spot, inside, scope, sure=False, names={"error": ERROR})


@contextmanager
def settings(scope: Scope) -> Iterator[None]:
    """What is added to the settings inside is forgotten afterwards."""
    kept = set(scope.env)
    yield
    scope.env = kept


def together(steps: Block, types: list[Type], keyed: bool) -> Type:
    """What branches give together."""
    if keyed:
        return mapping_of({step.id: type for step, type in zip(steps, types, strict=True)})
    item = types[0] if types and all(type == types[0] for type in types) else ANY
    return list_of(item)
