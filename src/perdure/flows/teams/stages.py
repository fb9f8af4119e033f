"""The stages that manners of working are made of: propose, criticise, synthesise, adjudicate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from perdure.agents.config.members import Seat
from perdure.base.errors import InputError

from . import shapes, words
from .people import reviewed
from .play import Play
from .task import Answer, shown

Weakness = Mapping[str, str]


class _Weakness(msgspec.Struct, frozen=True):
    weakness: str
    fix: str


class Draft(msgspec.Struct, frozen=True):
    """A proposed answer. `by` are the seats that gave it, each with the same words."""

    value: Any
    confidence: float
    by: tuple[str, ...]

    def answer(self, why: str = "") -> Answer:
        return Answer(self.value, self.confidence, self.by, why)


async def propose(
    play: Play, seats: Sequence[Seat], prompts: Sequence[str] = (), *, least: int = 1, name: str = "propose"
) -> list[Draft]:
    """A draft of each seat that answers; `prompts` say what each is told, where it is not merely the task."""

    async def produce() -> list[Draft]:
        asked = list(zip(seats, prompts or [words.propose()] * len(seats), strict=True))
        said = await play.ask_all(name, asked, shapes.proposal(play.ready.answer), least=least)
        return [Draft(one.value["answer"], one.value["confidence"], (one.seat.name,)) for one in said]

    return await reviewed(play, "propose", produce, _show, _replacing(play))


async def criticize(play: Play, seats: Sequence[Seat], drafts: Sequence[Draft]) -> list[Weakness]:
    """Weaknesses of the drafts, each with its fix; none where nobody is there to look for them."""
    if not seats:
        return []
    prompt = words.criticize([draft.value for draft in drafts])

    async def produce() -> list[Weakness]:
        said = await play.ask_all("critique", [(seat, prompt) for seat in seats], shapes.critique())
        return [weakness for one in said for weakness in one.value["weaknesses"]]

    def replace(_: list[Weakness], value: Any) -> list[Weakness]:
        try:
            return [msgspec.structs.asdict(one) for one in msgspec.convert(value, list[_Weakness])]
        except msgspec.ValidationError as error:
            raise InputError(f"expected a list of {{weakness, fix}}: {error}") from error

    return await reviewed(play, "critique", produce, list, replace)


async def synthesize(play: Play, drafts: Sequence[Draft], weaknesses: Sequence[Weakness]) -> Draft:
    """One draft made of all: by the synthesizer, or by the first proposer where there is none."""
    seat = play.of("synthesizer", "proposer")[0]
    prompt = words.merge([draft.value for draft in drafts], weaknesses)

    async def produce() -> list[Draft]:
        said = await play.ask("synthesize", seat, prompt, shapes.proposal(play.ready.answer))
        by = dict.fromkeys((seat.name, *(name for draft in drafts for name in draft.by)))
        return [Draft(said["answer"], said["confidence"], tuple(by))]

    return (await reviewed(play, "synthesize", produce, _show, _replacing(play)))[0]


async def adjudicate(play: Play, answer: Answer) -> Answer:
    """The answer as the judge passes it; as it is where there is none."""
    judges = play.of("judge")
    if not judges:
        return answer

    async def produce() -> Answer:
        shape = shapes.verdict(play.ready.answer)
        said = await play.ask("adjudicate", judges[0], words.adjudicate(answer.value), shape)
        judged = Answer(said["answer"], said["confidence"], answer.by, said["why"])
        await play.note("verdict", {"judge": judges[0].name, **msgspec.to_builtins(judged)})
        return judged

    def replace(judged: Answer, value: Any) -> Answer:
        return Answer(play.fitting(value), 1.0, judged.by, "a person said so")

    return await reviewed(play, "adjudicate", produce, msgspec.to_builtins, replace)


def same(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with those made one that say the same, case and spacing of text aside; the first one's words stand."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(" ".join(shown(draft.value).casefold().split()), []).append(draft)
    return [
        Draft(
            alike[0].value,
            math.fsum(one.confidence for one in alike) / len(alike),
            tuple(dict.fromkeys(name for one in alike for name in one.by)),
        )
        for alike in found.values()
    ]


def _show(drafts: list[Draft]) -> Any:
    return msgspec.to_builtins(drafts)


def _replacing(play: Play) -> Callable[[list[Draft], Any], list[Draft]]:
    """One answer, given by a person, in place of all drafts."""

    def replace(drafts: list[Draft], value: Any) -> list[Draft]:
        by = dict.fromkeys(name for draft in drafts for name in draft.by)
        return [Draft(play.fitting(value), 1.0, tuple(by))]

    return replace
