"""Asking the model, as an effect: reserved before, priced after, heard live by whoever listens."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

import msgspec

from perdure.base.messages import Delta, ModelRequest, ModelResponse
from perdure.kernel.classes import Outcome
from perdure.kernel.context import Context

from .setup import Setup


class Heard(msgspec.Struct, frozen=True):
    """A delta of the answer under way at `key`, shown to listeners and not kept."""

    key: str
    delta: Delta
    agent_id: str = ""


class Asked(msgspec.Struct, frozen=True):
    """The question about to be put, or known again in a replay, at the place `key`; shown to listeners and not kept."""

    key: str
    request: ModelRequest


def ask(
    ctx: Context, setup: Setup, request: ModelRequest, asked: str, *, kept: int | None = None
) -> Coroutine[Any, Any, ModelResponse]:
    """The model's answer. `asked` is the digest of the question: of the whole conversation, not of the window sent.
    `kept` marks the answer as a summary of all but the last so many messages."""
    reserve = 0
    if ctx.is_limited:
        request = setup.asker.bounded(request)
        reserve = setup.asker.worst_cost(request)
    name, kept_note = ("", None) if kept is None else ("summary", {"kept": kept})
    if ctx.watched:
        ctx.emit(Asked(f"{ctx.place}model:{name}" if name else f"{ctx.place}model", request))

    async def call(_: str) -> Outcome:
        answered = await setup.asker.ask(request, partial(_hear, ctx) if ctx.watched else None)
        response, charge = answered.response, answered.charge
        note = {"model": response.model or setup.model_spec.full_name, "window": len(request.messages)}
        if charge is None:
            return Outcome(response, response.usage, note=note)
        return Outcome(response, response.usage, charge.microusd, charge.version, note)

    return ctx.effect(
        "model",
        name,
        call,
        asked=asked,
        effect="read",
        type=ModelResponse,
        reserve=reserve,
        note=kept_note,
        keyed=False,
    )


def _hear(ctx: Context, delta: Delta) -> None:
    ctx.crash_point("stream.middle")
    ctx.emit(Heard(ctx.place, delta, ctx.agent_id))
