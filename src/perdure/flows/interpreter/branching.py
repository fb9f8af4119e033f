"""Steps side by side: all of them, some of them, or the first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from perdure.base.errors import NotEnough, StepTimeout
from perdure.kernel.contest import Branch, Enough
from perdure.kernel.failures import normal

from ..plan import Block, Parallel, Race

if TYPE_CHECKING:
    from .flow import Flow
    from .names import Names


async def parallel(flow: Flow, step: Parallel, names: Names) -> Any:
    need, many = step.need, len(step.branches)
    enough: Enough = any_failed if need is None else (lambda _, failed: many - failed < need)
    found = await _together(flow, step.branches, names, enough, step.at_once, step.within_ms)
    if need is None:
        raise_first(found, step.within_ms)
    elif _count(found, "done") < need:
        raise _too_few(flow, step.branches, found, f"{need} of {many} branches have to succeed")
    values = [branch.value for branch in found]
    if step.keyed:
        return {one.id: value for one, value in zip(step.branches, values, strict=True)}
    return values


async def race(flow: Flow, step: Race, names: Names) -> Any:
    first, many = step.first, len(step.branches)

    def is_won(done: int, failed: int) -> bool:
        return done >= first or many - failed < first

    found = await _together(flow, step.branches, names, is_won, None, None)
    winners = [branch.value for branch in found if branch.state == "done"][:first]
    if len(winners) < first:
        raise _too_few(flow, step.branches, found, f"nobody won: {first} of {many} branches had to succeed")
    return winners[0] if first == 1 else winners


async def _together(
    flow: Flow, branches: Block, names: Names, enough: Enough, at_once: int | None, within_ms: int | None
) -> list[Branch[Any]]:
    frames = [names.branch() for _ in branches]
    work = (partial(flow.step, one, frame) for one, frame in zip(branches, frames, strict=True))
    found: list[Branch[Any]] = await flow.ctx.contest(*work, enough=enough, at_once=at_once, within_ms=within_ms)
    for one, frame, branch in zip(branches, frames, found, strict=True):
        if branch.state != "cut":
            names.adopt(frame)
        if branch.state != "done":
            branch.value = None
            names.put(one.name, None)
    return found


def any_failed(_: int, failed: int) -> bool:
    return failed > 0


def raise_first(found: Sequence[Branch[Any]], within_ms: int | None = None) -> None:
    """Raise what the first branch failed with, in the order of the file; StepTimeout where one was late."""
    for branch in found:
        if branch.error is not None and branch.state == "failed":
            raise branch.error
    if any(branch.state == "cut" for branch in found):
        raise StepTimeout(f"branches took longer than {within_ms:,} ms", timeout_ms=within_ms)


def _count(found: Sequence[Branch[Any]], state: str) -> int:
    return sum(branch.state == state for branch in found)


def _too_few(flow: Flow, branches: Block, found: Sequence[Branch[Any]], what: str) -> NotEnough:
    failures = {}
    for step, branch in zip(branches, found, strict=True):
        if branch.state == "failed" and branch.error is not None:
            failures[step.name] = normal(branch.error).message
        elif branch.state == "cut":
            failures[step.name] = "it was cut off"
    said = "; ".join(f"{name}: {message}" for name, message in list(failures.items())[:8])
    return NotEnough(f"{what} ({said})", failures=failures)
