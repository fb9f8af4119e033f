"""One run of a team, from its task to its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from perdure.agents.amounts import whole
from perdure.agents.team import Mode
from perdure.base.errors import TeamError
from perdure.namespace.context import Context

from .escalation import LADDER, next_mode
from .modes.blackboard import blackboard
from .modes.chat import chat
from .modes.collaborate import collaborate
from .modes.consensus import consensus
from .modes.consult import consult
from .modes.handoff import handoff
from .modes.hierarchy import hierarchy
from .modes.solo import solo
from .modes.supervise import supervise
from .modes.swarm import swarm
from .people import reviewed
from .play import Play
from .ready import Ready
from .reflexion import reflect
from .task import Answer, read_task, shown

MODES: dict[Mode, Callable[[Play], Awaitable[Answer]]] = {
    "solo": solo,
    "consult": consult,
    "collaborate": collaborate,
    "consensus": consensus,
    "swarm": swarm,
    "hierarchy": hierarchy,
    "chat": chat,
    "handoff": handoff,
    "blackboard": blackboard,
    "supervise": supervise,
}


async def work(ctx: Context, ready: Ready) -> Any:
    """Carry a team's run out; its output is the answer, and the journal says how it came to be."""
    limits = ready.spec.limits
    if limits.timeout is not None:
        ctx.limit_time(limits.timeout)
    play = Play(ctx, ready, read_task(ctx.envelope.payload, ready.team.task_class))
    rules = ready.team.reflexion

    async def produce() -> Answer:
        return await (decide(play) if rules is None else reflect(play, rules, decide))

    def replace(answer: Answer, value: Any) -> Answer:
        return Answer(play.fitting(value), 1.0, answer.by, "a person said so")

    answer = await reviewed(play, "answer", produce, msgspec.to_builtins, replace)
    await play.note("answer", msgspec.to_builtins(answer))
    return answer.value


async def decide(play: Play) -> Answer:
    """The answer of the team's own manner of working, or of those that follow while it is unsure."""
    team = play.team
    alone = team.strategy == "self_if_confident" and team.mode in LADDER
    answer = await _begin(play, "solo" if alone else team.mode)
    if alone and team.mode != "solo" and answer.confidence < team.confidence:
        answer = await _more(play, answer, "solo", team.mode)
    if team.auto and answer.confidence < team.confidence:
        answer = await _escalate(play, answer)
    if team.strategy == "ask_clarify_below_threshold" and answer.confidence < team.confidence:
        question = "The team is unsure. What should it know to answer better?"
        said = await play.ctx.ask(question, about={"task": play.task.text, **msgspec.to_builtins(answer)})
        play.task.hints.append(f"A person adds: {shown(said)}")
        answer = await _begin(play, team.mode)
    return answer


async def _escalate(play: Play, answer: Answer) -> Answer:
    roles = Counter(seat.role for seat in play.ready.seats)
    mode = play.team.mode
    while answer.confidence < play.team.confidence:
        limit = whole(play.ready.spec.budget.per_run)
        room = None if limit is None else limit - play.spent
        following = next_mode(mode, roles, depth=play.team.depth, room=room, dearest=play.dearest)
        if following is None:
            break
        answer = await _more(play, answer, mode, following)
        mode = following
    return answer


async def _more(play: Play, answer: Answer, mode: Mode, following: Mode) -> Answer:
    """The surer one of the answer and that of the manner that follows; where that fails, there is still the first."""
    await play.note("escalated", {"from": mode, "to": following, "confidence": answer.confidence})
    hint = f"An answer that nobody was sure of: {shown(answer.value)}"
    play.task.hints.append(hint)
    try:
        better = await _begin(play, following)
    except TeamError as error:
        await play.note("escalation failed", error.as_dict())
        return answer
    finally:
        play.task.hints.remove(hint)
    return better if better.confidence >= answer.confidence else answer


async def _begin(play: Play, mode: Mode) -> Answer:
    with play.scope(mode):
        return await MODES[mode](play)
