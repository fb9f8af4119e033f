"""Members talk in turn, or in the order that a manager chooses, until they are done or `turns` are over."""

from __future__ import annotations

from perdure.agents.config.members import Seat
from perdure.base.errors import MembersMissing

from .. import shapes, words
from ..play import Play
from ..task import Answer


async def chat(play: Play) -> Answer:
    speakers = play.of("proposer", "critic")
    transcript: list[str] = []
    quiet: set[str] = set()
    missed: list[MembersMissing] = []
    by: dict[str, None] = {}
    for turn in range(play.team.turns):
        seat = await _next(play, speakers, transcript, turn)
        if seat is None:
            break
        try:
            said = await play.ask("speak", seat, words.speak(seat.name, transcript), shapes.remark())
        except MembersMissing as error:
            missed.append(error)
            if len(missed) >= len(speakers):
                raise
            continue
        missed.clear()
        if said["say"].strip():
            transcript.append(f"{seat.name}: {said['say']}")
            by[seat.name] = None
        quiet = quiet | {seat.name} if said.get("done") else set()
        if len(quiet) == len(speakers):
            break
    closer = play.of("synthesizer", "judge", "manager", "proposer")[0]
    shape = shapes.proposal(play.ready.answer)
    said = await play.ask("conclude", closer, words.conclude(transcript), shape)
    return Answer(said["answer"], said["confidence"], (*by,), f"{closer.name} sums up {len(transcript)} remarks")


async def _next(play: Play, speakers: list[Seat], transcript: list[str], turn: int) -> Seat | None:
    managers = play.of("manager")
    if not managers:
        return speakers[turn % len(speakers)]
    names = {seat.name: seat for seat in speakers}
    prompt = words.choose_speaker(list(names), transcript)
    said = await play.ask("floor", managers[0], prompt, shapes.floor(list(names)))
    return names.get(said["next"])
