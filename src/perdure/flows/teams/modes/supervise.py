"""A manager looks at what a member does, sends it back with what is to be mended, and takes over where that does not
help: after `depth` + 1 tries, where the member fails, or when it says so."""

from __future__ import annotations

from perdure.base.errors import MembersMissing

from .. import shapes, words
from ..play import Play
from ..stages import propose
from ..task import Answer, shown


async def supervise(play: Play) -> Answer:
    worker, manager = play.of("proposer")[0], play.of("manager")[0]
    prompt, why = words.propose(), "nothing was good enough"
    for _ in range(play.team.depth + 1):
        try:
            (draft,) = await propose(play, [worker], [prompt], name="work")
        except MembersMissing as error:
            why = error.message
            break
        said = await play.ask("inspect", manager, words.inspect(shown(draft.value)), shapes.review())
        if said["ok"]:
            return draft.answer(f"{manager.name} found it good")
        why = said["feedback"]
        if said.get("take_over"):
            break
        prompt = words.revise(draft.value, [{"weakness": said["feedback"], "fix": "as said"}])
    await play.note("takeover", {"by": manager.name, "from": worker.name, "why": why})
    done = await play.ask(
        "takeover", manager, words.conclude([f"{worker.name}: {why}"]), shapes.proposal(play.ready.answer)
    )
    return Answer(done["answer"], done["confidence"], (manager.name,), f"{manager.name} took over: {why}")
