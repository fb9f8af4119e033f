"""The steps of a flow's run, with what each came to: read off by carrying it out again from its journal, without
doing anything. So it tells of partial results too, of a run that failed, waits, or is still under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import InputError
from perdure.flows.interpreter.seen import StepSeen
from perdure.kernel import records as r
from perdure.kernel.journal import fold
from perdure.kernel.live import Live

from .finding import find_run, records_of
from .replaying import rehearse

if TYPE_CHECKING:
    from .runtime import Runtime

StepStatus: TypeAlias = Literal["open", "done", "failed", "skipped"]


class StepState(msgspec.Struct, frozen=True):
    """One step. `place` is its path with the turns of loops, which its keys begin with and `fork` takes; `path` is
    where it stands in the plan. An `open` step was begun, and has no end yet."""

    place: str
    path: str
    kind: str
    status: StepStatus
    value: Any = None
    error: dict[str, Any] | None = None


class _Heard:
    """Keeps what a run tells of its steps, in the order in which they were begun."""

    def __init__(self) -> None:
        self.steps: dict[str, StepState] = {}

    def put_nowait(self, item: tuple[str, Any], /) -> None:
        seen = item[1]
        if isinstance(seen, StepSeen):
            status = "open" if seen.state == "started" else seen.state
            state = StepState(seen.place, seen.path, str(seen.kind), status, seen.value, seen.error)  # type: ignore[arg-type]
            self.steps[seen.place] = state


async def steps(runtime: Runtime, run_id: str) -> list[StepState]:
    """The steps of a flow's run so far. Raises RunNotFound, and InputError where it is no flow's."""
    run = await find_run(runtime.store, run_id)
    records = await records_of(runtime.store, run)
    program = await runtime.library.rehearsal(run.spec)
    if not program.undoes:
        raise InputError(f"run {run.id} is no flow's, and has no steps", hint="`perdure trace RUN` shows its course.")
    live, heard = Live(), _Heard()
    journal = fold(record for record in records if record.type != r.Checkpoint.type)
    execution = await rehearse(runtime, run, program, journal, live=live)
    with live.attached(heard, run.id):
        try:
            await execution.go()  # how it ends is no matter: so far it goes
        finally:
            await execution.abandon()
    return list(heard.steps.values())
