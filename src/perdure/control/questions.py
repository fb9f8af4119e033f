"""The questions that a run put to models, rebuilt from the journal: it holds their digests, never the questions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.agents.asking import Asked
from perdure.agents.conversation import opening_of
from perdure.agents.window import sent_of
from perdure.base.errors import ReplayDivergence
from perdure.base.messages import ModelRequest
from perdure.kernel import records as r
from perdure.kernel.budgets import Scope
from perdure.kernel.effects import ReplayEnd
from perdure.kernel.execution import Execution
from perdure.kernel.journal import decode, fold
from perdure.kernel.lineage import scopes_of
from perdure.kernel.live import Live
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RunRow

from .replaying import rehearse

if TYPE_CHECKING:
    from .runtime import Runtime

_LIMITED = (Scope("run:", 0),)


class Question(msgspec.Struct, frozen=True):
    """What a model was asked. `proven`: the digest on record is that of this question, and of its run's conversation
    up to it; where it is not, the run's code or tools are no longer what they were."""

    request: ModelRequest
    proven: bool


async def questions_of(runtime: Runtime, run: RunRow, records: Sequence[r.Record]) -> dict[str, Question]:
    """The questions by key. The run is executed again in rehearsal, one segment between checkpoints after the other,
    while somebody listens to what it asks. Raises ConfigError where its spec or tools cannot be made ready."""
    program = await runtime.library.rehearsal(run.spec)
    scopes = await _scopes(runtime, run, program, records)
    questions: dict[str, Question] = {}
    for segment in _segments(records):
        row = msgspec.structs.replace(
            run, checkpoint_seq=segment[1].seq if _closes(segment[1:2]) else 0, first_seq=records[0].seq
        )
        questions |= await _ask_again(runtime, row, program, segment, scopes)
    return questions


async def _ask_again(
    runtime: Runtime,
    run: RunRow,
    program: Program,
    segment: Sequence[r.Record],
    scopes: Sequence[Scope],
) -> dict[str, Question]:
    live = Live()
    with live.listen(run.id) as queue:
        execution = await rehearse(runtime, run, program, fold(segment), live=live, scopes=scopes)
        diverged = await _go(execution)
    heard = [item for _, item in _all(queue) if isinstance(item, Asked)]
    if not heard:
        return {}
    first = heard[0].request.messages
    opening = len(first) if run.checkpoint_seq else opening_of(first)
    sent = _sent(segment)
    found: dict[str, Question] = {}
    for key, request in ((item.key, item.request) for item in heard if item.key in execution.journal.asked):
        count = sent.get(key, len(request.messages))
        if count < len(request.messages):
            request = msgspec.structs.replace(request, messages=sent_of(request.messages, opening, count))
        found[key] = Question(request, key != diverged)
    return found


async def _go(execution: Execution) -> str | None:
    """Execute to the end, or as far as the journal goes. Gives the key at which the run went another way, if so."""
    try:
        if await execution.go() == "ended":
            execution.result()
    except ReplayEnd:
        return None
    except ReplayDivergence as error:
        return str(error.facts["key"])
    except Exception:  # the edge: whatever the handler raised then, it raises again
        return None
    finally:
        await execution.abandon()
    return None


def _segments(records: Sequence[r.Record]) -> list[list[r.Record]]:
    """What a replay of each segment rests on: the run's first record, the checkpoint before, and what came after it."""
    first, *others = records
    segments = [[first]]
    for record in others:
        if record.type == r.Checkpoint.type:
            segments.append([first, record])
        else:
            segments[-1].append(record)
    return segments


def _closes(records: Sequence[r.Record]) -> bool:
    return bool(records) and records[0].type == r.Checkpoint.type


def _sent(records: Sequence[r.Record]) -> dict[str, int]:
    """How many messages went with each question."""
    events = ((record.key, decode(record)) for record in records if record.type == r.EffectDone.type)
    return {
        key: event.note["window"] for key, event in events if isinstance(event, r.EffectDone) and "window" in event.note
    }


def _all(queue: asyncio.Queue[Any]) -> list[Any]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def _scopes(runtime: Runtime, run: RunRow, program: Program, records: Sequence[r.Record]) -> Sequence[Scope]:
    """Whether money bounded the run, as that bounds its answers too."""
    if any(record.type == r.BudgetReserved.type for record in records):
        return _LIMITED
    return await scopes_of(runtime.store, runtime.library, run, program, runtime.engine.settings.pools)
