"""A conversation belongs to one member at a time, who answers or hands it over. Who has it keeps it for what the person
says next, as long as the team is asked as the same agent."""

from __future__ import annotations

import msgspec

from perdure.agents.state import AgentState, load_state, save_state

from .. import shapes, words
from ..play import Play
from ..task import Answer, shown

KEPT = 200
"""Lines of the conversation that are kept."""


class Conversation(AgentState):
    """`owner` is the seat that has it, "" for the first."""

    owner: str = ""
    lines: list[str] = msgspec.field(default_factory=list)


async def handoff(play: Play) -> Answer:
    seats = {seat.name: seat for seat in play.of("proposer")}
    talk = load_state(Conversation, *play.ctx.state)
    seat = seats.get(talk.owner) or next(iter(seats.values()))
    earlier = list(talk.lines)
    why = ""
    for turn in range(play.team.turns):
        others = {name: str(other.tree.get("description", "")) for name, other in seats.items() if other is not seat}
        shape = shapes.passing(list(others), play.ready.answer)
        said = await play.ask("turn", seat, words.take_on(seat.name, others, earlier), shape)
        to = seats.get(said.get("hand_to", "nobody"))
        if to is None or to is seat or turn == play.team.turns - 1:
            break
        why = f"{seat.name} handed it to {to.name}: {said.get('why', '')}"
        await play.note("handoff", {"from": seat.name, "to": to.name, "why": said.get("why", "")})
        earlier.append(why)
        seat = to
    lines = [*earlier, f"person: {play.task.text}", f"{seat.name}: {shown(said['answer'])}"]
    play.ctx.set_state(save_state(Conversation(seat.name, lines[-KEPT:])), Conversation.version)
    return Answer(said["answer"], 1.0, (seat.name,), why)
