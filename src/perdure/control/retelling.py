"""What a flow tells of its steps, when it is carried out again from its journal without doing anything: so also partial
results are told, of a run that failed, waits, or is still under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from perdure.flows.interpreter.seen import StepSeen
from perdure.kernel import records as r
from perdure.kernel.journal import fold
from perdure.kernel.live import Live
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RunRow

from .replaying import rehearse

if TYPE_CHECKING:
    from .runtime import Runtime


class _Heard:
    """Keeps the last that is told of each step, in the order in which they were begun."""

    def __init__(self) -> None:
        self.steps: dict[str, StepSeen] = {}

    def put_nowait(self, item: tuple[str, Any], /) -> None:
        seen = item[1]
        if isinstance(seen, StepSeen):
            self.steps[seen.place] = seen


async def retell(runtime: Runtime, run: RunRow, program: Program, records: Sequence[r.Record]) -> list[StepSeen]:
    """The steps of a flow's run so far, in the order in which they were begun."""
    live, heard = Live(), _Heard()
    journal = fold(record for record in records if record.type != r.Checkpoint.type)
    execution = await rehearse(runtime, run, program, journal, live=live)
    with live.attached(heard, run.id):
        try:
            await execution.go()  # how it ends is no matter: so far it goes
        finally:
            await execution.abandon()
    return list(heard.steps.values())
