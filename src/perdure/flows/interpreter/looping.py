"""Loops: one turn after another, or several side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from perdure.base.errors import ExpressionFailed, LoopLimit

from ..expressions.evaluate import evaluate, truth
from ..plan import Loop
from .branching import any_failed, raise_first
from .progress import Turning

if TYPE_CHECKING:
    from .flow import Flow
    from .names import Names


async def loop(flow: Flow, step: Loop, names: Names, main: bool) -> Any:
    if step.mode != "each":
        return await _turn_while(flow, step, names, main)
    results = await (_turn_each(flow, step, names, main) if step.concurrency == 1 else _turn_beside(flow, step, names))
    if not step.reduce:
        return results
    return await flow.inside("reduce", step.reduce, names.lens(results=results))


async def _turn_each(flow: Flow, step: Loop, names: Names, main: bool) -> list[Any]:
    turning = flow.progress.resumed() or Turning(flow.place, items=_items(step, names), results=[])
    assert turning.items is not None and turning.results is not None
    with flow.progress.turning(turning):
        while turning.turn <= len(turning.items):
            own = {step.item: turning.items[turning.turn - 1], step.index: turning.turn - 1}
            turning.results.append(await _turn(flow, step, names, turning, own, main))
            await flow.progress.next(turning, names, main)
    return turning.results


async def _turn_while(flow: Flow, step: Loop, names: Names, main: bool) -> Any:
    turning = flow.progress.resumed() or Turning(flow.place)
    is_while = step.mode == "while"
    assert step.condition is not None
    with flow.progress.turning(turning):
        while True:
            own = {step.index: turning.turn - 1}
            if is_while and not turning.is_inside and not truth(step.condition, names.branch(**turning.own, **own)):
                break
            if step.limit is not None and turning.turn > step.limit:
                raise LoopLimit(f"it turned {step.limit:,} times, which is its limit", limit=step.limit)
            turning.last = await _turn(flow, step, names, turning, own, main)
            is_over = not is_while and truth(step.condition, names.branch(**turning.own))
            turning.own = {name: value for name, value in turning.own.items() if name != step.index}
            if is_over:
                break
            await flow.progress.next(turning, names, main)
    return turning.last


async def _turn(flow: Flow, step: Loop, names: Names, turning: Turning, own: dict[str, Any], main: bool) -> Any:
    """One turn, in a frame of its own; the one that a checkpoint was made in goes on in the frame that it had."""
    if not turning.is_inside:
        turning.own, turning.done = own, []
    turning.is_inside = False
    frame = names.turn(flow.ready.variables[step.path], turning.own, turning.done)
    with flow.ctx.scope(str(turning.turn), last=main):
        return await flow.block(step.steps, frame, main)


async def _turn_beside(flow: Flow, step: Loop, names: Names) -> list[Any]:
    async def turn(number: int, item: Any) -> Any:
        with flow.ctx.scope(str(number)):
            return await flow.block(step.steps, names.branch(**{step.item: item, step.index: number - 1}))

    work = (partial(turn, number, item) for number, item in enumerate(_items(step, names), 1))
    found = await flow.ctx.contest(*work, enough=any_failed, at_once=step.concurrency)
    raise_first(found)
    return [branch.value for branch in found]


def _items(step: Loop, names: Names) -> list[Any]:
    assert step.over is not None
    items = evaluate(step.over, names)
    if not isinstance(items, list):
        raise ExpressionFailed(f"a loop goes over a list, and this is {type(items).__name__}: {items!s:.80}")
    if step.limit is not None and len(items) > step.limit:
        raise LoopLimit(f"there are {len(items):,} items, and the limit is {step.limit:,}", limit=step.limit)
    return items
