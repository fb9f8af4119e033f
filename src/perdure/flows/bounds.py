"""What a flow can cost: the least and the most, from its plan and what each of its agents can cost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from .expressions.tree import Expression, Items, Literal, Node
from .plan import Agent, Block, Condition, Loop, Parallel, Plan, Race, Sequential, Step, SubFlow, Switch


class Bounds(msgspec.Struct, frozen=True):
    """Micro-USD, and how many runs of agents there are. `most` and `runs` are None where nothing bounds them."""

    least: int = 0
    most: int | None = 0
    runs: int | None = 0


FREE = Bounds()


def bounds_of(plan: Plan, agents: Mapping[str, Bounds], flows: Mapping[str, Bounds]) -> Bounds:
    """The bounds of one run. The least is a run in which nothing fails; the most, one in which every retry is used,
    each loop turns as often as it may, and everything is undone at the end."""
    found = _Reckoning(agents, flows)
    body = found.block(plan.steps)
    finally_ = found.block(plan.finally_)
    more = [_perhaps(found.block(plan.on_error or ())), finally_]
    return _sum([body, *more])


class _Reckoning:
    def __init__(self, agents: Mapping[str, Bounds], flows: Mapping[str, Bounds]) -> None:
        self._agents = agents
        self._flows = flows

    def block(self, block: Block) -> Bounds:
        return _sum(self.step(step) for step in block)

    def step(self, step: Step) -> Bounds:
        tries = self._itself(step)
        if step.retry is not None:
            tries = Bounds(
                tries.least, _times(tries.most, step.retry.attempts), _times(tries.runs, step.retry.attempts)
            )
        after = [_perhaps(self.block(step.on_error or ())), _perhaps(self.block(step.compensate))]
        found = _sum([tries, *after, self.block(step.finally_)])
        may_fail = step.on_error is not None
        return (
            _perhaps(found) if step.when is not None else Bounds(0 if may_fail else found.least, found.most, found.runs)
        )

    def _itself(self, step: Step) -> Bounds:
        match step:
            case Agent():
                return self._agents.get(step.agent, FREE)
            case SubFlow():
                return self._flows.get(step.flow, FREE)
            case Sequential():
                return self.block(step.steps)
            case Parallel():
                return self._together(step.branches, len(step.branches) if step.need is None else step.need)
            case Race():
                return self._together(step.branches, step.first)
            case Condition() | Switch():
                ways = [*(self.block(case.steps) for case in step.cases), self.block(step.otherwise)]
                most = [way.most for way in ways]
                runs = [way.runs for way in ways]
                return Bounds(min(way.least for way in ways), _largest(most), _largest(runs))
            case Loop():
                return self._loop(step)
            case _:
                return FREE

    def _together(self, branches: Block, needed: int) -> Bounds:
        """All branches may run to their end; the cheapest of those needed do."""
        found = [self.step(branch) for branch in branches]
        whole = _sum(found)
        return Bounds(sum(sorted(one.least for one in found)[:needed]), whole.most, whole.runs)

    def _loop(self, step: Loop) -> Bounds:
        turn, after = self.block(step.steps), self.block(step.reduce)
        least, most = turns_of(step)
        body = Bounds(turn.least * least, _times(turn.most, most), _times(turn.runs, most))
        return _sum([body, after])


def turns_of(step: Loop) -> tuple[int, int | None]:
    """How often a loop turns, at least and at most."""
    if step.mode != "each":
        return (1 if step.mode == "until" else 0), step.limit
    length = _length(step.over)
    if length is not None:
        return length, length
    return 0, step.limit


def _length(node: Node | None) -> int | None:
    match node:
        case Expression(_, root):
            return _length(root)
        case Literal(list() as items):
            return len(items)
        case Items(parts):
            return len(parts)
        case _:
            return None


def _sum(bounds: Iterable[Bounds]) -> Bounds:
    found = list(bounds)
    most = [one.most for one in found]
    runs = [one.runs for one in found]
    return Bounds(sum(one.least for one in found), _total(most), _total(runs))


def _perhaps(bounds: Bounds) -> Bounds:
    return Bounds(0, bounds.most, bounds.runs)


def _total(amounts: list[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _largest(amounts: list[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return max(known, default=0) if len(known) == len(amounts) else None


def _times(amount: int | None, times: int | None) -> int | None:
    """Nothing stays nothing, however often."""
    if amount == 0 or times == 0:
        return 0
    return None if amount is None or times is None else amount * times
