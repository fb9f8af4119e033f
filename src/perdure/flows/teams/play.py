"""A team at work on one task: who is asked what, what it cost, and what people changed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import msgspec

from perdure.agents.config.members import Seat
from perdure.agents.output import Shape
from perdure.agents.team import Role
from perdure.base.codec import to_json
from perdure.base.errors import InputError, LimitReached, MembersMissing, PerdureError, TeamError
from perdure.kernel.classes import Outcome
from perdure.kernel.contest import never
from perdure.kernel.context import ChildResult
from perdure.namespace.context import Context

from .ready import Ready
from .record import SUFFIX, Known, Tell
from .shapes import Schema
from .task import Task
from .words import told


class Said(msgspec.Struct, frozen=True):
    """What a seat answered, in the run of its own with this id."""

    seat: Seat
    value: Any
    run_id: str


class Play:
    """One run of a team. Every turn of a member is a child run, on an agent of its own that comes to be with it."""

    def __init__(self, ctx: Context, ready: Ready, task: Task) -> None:
        self.ctx = ctx
        self.team = ready.team
        self.ready = ready
        self.task = task
        self.spent = 0
        self.dearest = 0
        """Micro-USD that the turns so far cost, and the dearest of them."""
        self.patches: dict[str, str] = {}
        """What a person added to the instructions of members, by seat or member."""
        self._scopes: Counter[str] = Counter()

    def of(self, *roles: Role) -> list[Seat]:
        return [seat for role in roles for seat in self.ready.seats if seat.role == role]

    def scope(self, name: str) -> AbstractContextManager[None]:
        """A place of its own in the journal, however often the name is used."""
        where = f"{self.ctx.place}{name}"
        self._scopes[where] += 1
        count = self._scopes[where]
        return self.ctx.scope(name if count == 1 else f"{name}#{count}")

    async def ask(self, stage: str, seat: Seat, words: str, shape: Schema) -> Any:
        """One seat's answer. Raises MembersMissing."""
        return (await self.ask_all(stage, [(seat, words)], shape))[0].value

    async def ask_all(
        self,
        stage: str,
        asked: Sequence[tuple[Seat, str]],
        shape: Schema,
        *,
        least: int = 1,
        limited: Callable[[str], Any] | None = None,
    ) -> list[Said]:
        """The answers of several, asked at once, in their order; who fails or is late is left out, on record. One that
        came to its limit of steps is taken to say what `limited` makes of the reason, where it is given. Raises
        MembersMissing where fewer than `least` answer."""
        places = _places(asked)
        with self.scope(stage):
            branches = await self.ctx.contest(
                *(partial(self._turn, place, *one, shape) for place, one in zip(places, asked, strict=True)),
                enough=never,
                within_ms=self.team.deadline,
            )
            said: list[Said] = []
            absent: dict[str, str] = {}
            for (seat, _), branch in zip(asked, branches, strict=True):
                if branch.state == "done" and branch.value is not None:
                    said.append(Said(seat, branch.value.output, branch.value.run_id))
                    self._count(branch.value.cost)
                elif branch.error is None:
                    absent[seat.name] = "late"
                elif isinstance(branch.error, PerdureError):
                    absent[seat.name] = branch.error.message
                    self._count(int(branch.error.facts.get("cost", 0)))
                    if limited is not None and isinstance(branch.error, LimitReached):
                        run_id = str(branch.error.facts.get("run_id", ""))
                        said.append(Said(seat, limited(branch.error.message), run_id))
                else:
                    raise branch.error
            if absent:
                await self.note("absent", absent)
        if len(said) < least:
            why = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
            raise MembersMissing(f"{stage}: {len(said)} of {len(asked)} answered ({why})", absent=absent)
        return said

    async def note(self, what: str, value: Any) -> None:
        """Put something that was decided on record, for whoever reads the trace."""

        async def known(_: str) -> Outcome:
            return Outcome(value)

        await self.ctx.effect("team", what, known, effect="read")

    async def record(self, tell: Tell) -> Known:
        """Tell or ask what is kept from run to run."""
        with self.scope("record"):
            keeper = {"name": "record", "class": "perdure.flows.teams.record:Record"}
            child = await self.ctx.run(keeper, msgspec.to_builtins(tell), agent_id=f"{self.ready.spec.name}{SUFFIX}")
        if child.error is not None:
            raise TeamError(f"the record of the team failed: {child.error['message']}")
        return msgspec.convert(child.output, Known)

    def fitting(self, value: Any) -> Any:
        """An answer that a person gives, where it has the shape of the team's. Raises InputError."""
        problems = Shape(self.ready.answer, 0).check(to_json(value).decode()).problems
        if problems:
            raise InputError(f"not an answer of the team's shape: {'; '.join(problems)}")
        return value

    async def _turn(self, place: str, seat: Seat, words: str, shape: Schema) -> ChildResult:
        with self.ctx.scope(place):
            patch = self.patches.get(seat.name, self.patches.get(seat.member, ""))
            text = told(self.task, words)
            asked = [{"type": "text", "text": text}, *self.task.attached] if self.task.attached else text
            child = await self.ctx.run(self.ready.agent(seat, shape, patch), asked, name=seat.name)
        if child.error is not None:
            failed = LimitReached if child.error.get("code") == LimitReached.code else TeamError
            raise failed(str(child.error["message"]), cost=child.cost, run_id=child.run_id)
        return msgspec.structs.replace(child, output=_checked(child, shape)) if "class" in seat.tree else child

    def _count(self, cost: int) -> None:
        self.spent += cost
        self.dearest = max(self.dearest, cost)


def _places(asked: Sequence[tuple[Seat, str]]) -> list[str]:
    """A scope for each turn: whoever has several turns at once has them in scopes of their own."""
    taken: Counter[str] = Counter()
    places = []
    for seat, _ in asked:
        taken[seat.name] += 1
        places.append(seat.name if taken[seat.name] == 1 else f"{seat.name}#{taken[seat.name]}")
    return places


def _checked(child: ChildResult, shape: Schema) -> Any:
    """What a member written in Python answered; nothing has looked at its shape yet."""
    checked = Shape(shape, 0).check(to_json(child.output).decode())
    if checked.problems:
        raise TeamError(f"its answer has not the shape asked for: {'; '.join(checked.problems)}", cost=child.cost)
    return checked.value
