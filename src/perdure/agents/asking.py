"""Asking the model, as an effect: reserved before, priced after, heard live by whoever listens."""

from __future__ import annotations

import msgspec

from perdure.base.errors import UnpricedModel
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse
from perdure.base.usage import NO_USAGE
from perdure.compute.port import generate
from perdure.kernel.classes import Outcome
from perdure.kernel.context import Context

from .setup import ASSUMED_ANSWER, Setup


class Heard(msgspec.Struct, frozen=True):
    """A delta of the answer under way at `key`, shown to listeners and not kept."""

    key: str
    delta: Delta


class Asked(msgspec.Struct, frozen=True):
    """The question about to be put, or known again in a replay, at the place `key`; shown to listeners and not kept."""

    key: str
    request: ModelRequest


async def ask(
    ctx: Context, setup: Setup, request: ModelRequest, asked: str, *, kept: int | None = None
) -> ModelResponse:
    """The model's answer. `asked` is the digest of the question: of the whole conversation, not of the window sent.
    `kept` marks the answer as a summary of all but the last so many messages."""
    reserve = 0
    if ctx.is_limited:
        if request.max_tokens is None:
            request = msgspec.structs.replace(request, max_tokens=ASSUMED_ANSWER)
        reserve = _worst(setup, request, ctx.clock_now())
    name, kept_note = ("", None) if kept is None else ("summary", {"kept": kept})
    if ctx.watched:
        ctx.emit(Asked(f"{ctx.place}model:{name}" if name else f"{ctx.place}model", request))

    async def call(_: str) -> Outcome:
        response = await _hear(ctx, setup, request)
        if response.usage is not None:
            setup.learn(request, response.usage.input_tokens)
        charge = setup.prices.charge_answer(setup.model_spec, response, ctx.clock_now())
        note = {"model": response.model or setup.model_spec.full_name, "window": len(request.messages)}
        if charge is None:
            return Outcome(response, response.usage, note=note)
        return Outcome(response, response.usage, charge.microusd, charge.version, note)

    answer: ModelResponse = await ctx.effect(
        "model", name, call, asked=asked, effect="read", type=ModelResponse, reserve=reserve, note=kept_note
    )
    return answer


def _worst(setup: Setup, request: ModelRequest, at: int) -> int:
    charge = setup.worst_cost(request, at)
    if charge is not None:
        return charge.microusd
    if setup.prices.at_most(setup.model_spec, NO_USAGE, at) is None:
        raise UnpricedModel(
            f"{setup.model_spec.full_name} has no known price, and the agent has a budget",
            model=setup.model_spec.full_name,
        )
    return 0


async def _hear(ctx: Context, setup: Setup, request: ModelRequest) -> ModelResponse:
    if not ctx.watched:
        return await generate(setup.model, request)
    response: ModelResponse | None = None
    async for delta in setup.model.stream(msgspec.structs.replace(request, stream=True)):
        if isinstance(delta, Finished):
            response = delta.response
        else:
            ctx.crash_point("stream.middle")
            ctx.emit(Heard(ctx.place, delta))
    assert response is not None  # a model never ends without `Finished`
    return response
