"""Cassettes: a run's model answers, written down for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.codec import unpack_as
from perdure.base.errors import WrongState
from perdure.base.messages import ModelResponse
from perdure.compute.cassette import Cassette, Turn, turn_of, write_cassette
from perdure.kernel import records as r
from perdure.kernel.journal import decode

from .finding import find_run, records_of
from .listing import spec_name
from .questions import questions_of

if TYPE_CHECKING:
    from .runtime import Runtime


async def export_cassette(runtime: Runtime, run_id: str) -> bytes:
    """The answers of a run's models as JSON, for `perdure.testing.cassette`, or a model
    `{provider: scripted, name: any, extra: {cassette: FILE}}`. Raises WrongState where the run asked no model."""
    run = await find_run(runtime.store, run_id)
    records = await records_of(runtime.store, run)
    questions = await questions_of(runtime, run, records)
    turns: list[Turn] = []
    model = ""
    for record in records:
        event = decode(record)
        if isinstance(event, r.EffectDone) and event.kind == "model" and record.key in questions:
            request = questions[record.key].request
            model = model or request.model
            turns.append(turn_of(request, unpack_as(event.body, ModelResponse)))
    if not turns:
        raise WrongState(f"run {run.id} holds no answer of a model", hint="", run_id=run.id)
    name = await spec_name(runtime, run.spec)
    return write_cassette(Cassette(run=run.id, agent=name, model=model, turns=tuple(turns)))
