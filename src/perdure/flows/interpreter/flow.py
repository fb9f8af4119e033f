"""A flow while it runs: its plan carried out, block by block and step by step.

A flow is a handler like any other: it is executed again from its journal, so it reaches the outside only through the
context, under keys that begin with the path of a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from perdure.base.errors import PerdureError, StepTimeout
from perdure.kernel.contest import never
from perdure.namespace.context import Context

from ..expressions.evaluate import evaluate, truth
from ..plan import Block, Condition, Loop, Parallel, Race, Sequential, Step, Switch
from .branching import parallel, race
from .choosing import choose
from .failures import FATAL, is_tried_again, pause, placed, told
from .leaves import LEAVES
from .looping import loop
from .names import Names
from .progress import Progress
from .ready import Ready
from .seen import StepSeen
from .stepping import stepped
from .undoing import Undoing


class Flow:
    """One run of a flow. `main` is true wherever nothing runs beside a step and nothing around it counts its time or
    its tries: there the run can be put away as a checkpoint, which a later execution begins at."""

    def __init__(self, ctx: Context, ready: Ready) -> None:
        self.ctx = ctx
        self.ready = ready
        self.undoing = Undoing(ready)
        self.progress = Progress(ctx, ready, self.undoing)
        self.is_stepping = ctx.envelope.kind == "step"

    async def block(self, block: Block, names: Names, main: bool = False) -> Any:
        """Steps one after the other; the result of the last."""
        value = None
        for step in self.progress.left(block):
            value = await self.step(step, names, main)
        return value

    async def inside(self, name: str, block: Block, names: Names, main: bool = False) -> Any:
        """A block that has a name of its own in the path."""
        with self.ctx.scope(name):
            return await self.block(block, names, main)

    async def step(self, step: Step, names: Names, main: bool = False) -> Any:
        """One step with everything that stands around it, from the outside in: whether, with what, at last."""
        if step.when is not None and not self.progress.is_behind and not truth(step.when, names):
            names.put(step.name, None)
            self.show(step, "skipped")
            return None
        with self.ctx.scope(step.segment, last=main):
            if self.ctx.watched:
                self.show(step, "started")
            if step.env:
                more = {name: evaluate(node, names) for name, node in step.env}
                names, main = names.lens(env={**names.get("env"), **more}), False
            try:
                value = await self.caught(step, names, main)
            except asyncio.CancelledError:
                if step.finally_ and not self.ctx.is_over:
                    await self._finally(step, names)
                raise
            except FATAL:
                raise
            except PerdureError as error:
                self.show(step, "failed", error=error)
                if step.finally_:
                    await self._finally(step, names)
                raise
            if step.finally_:
                await self._finally(step, names)
            if self.ctx.watched:
                self.show(step, "done", value)
            return value

    async def caught(self, step: Step, names: Names, main: bool) -> Any:
        """The step, or what its `on_error` makes of its failure."""
        try:
            # Only what the step has stands around it: each frame would be gone through whenever something has come.
            value = await (self._tried if step.retry is not None else self._timed)(step, names, main)
        except FATAL:
            raise
        except PerdureError as error:
            placed(error, self.place)
            if step.on_error is None:
                raise
            value = await self.inside("on_error", step.on_error, names.lens(error=told(error, self.place)))
            names.put(step.name, value)
            return value
        names.put(step.name, value)
        if step.id:
            names.finish(step.id)
        if step.compensate:
            self.undoing.remember(step, self.place, names)
        return value

    async def _tried(self, step: Step, names: Names, main: bool) -> Any:
        assert step.retry is not None
        attempt, attempts = 1, step.retry.attempts
        while True:
            try:
                if attempt == 1:
                    return await self._timed(step, names, main and attempts == 1)
                with self.ctx.scope(f"try#{attempt}"):
                    await self.ctx.sleep(pause(step, attempt))
                    return await self._timed(step, names, False)
            except FATAL:
                raise
            except PerdureError as error:
                if attempt >= attempts or not is_tried_again(step, error):
                    raise
            attempt += 1

    def _timed(self, step: Step, names: Names, main: bool) -> Awaitable[Any]:
        return (
            self._itself(step, names, main) if step.timeout_ms is None else self._within(step, step.timeout_ms, names)
        )

    async def _within(self, step: Step, ms: int, names: Names) -> Any:
        (branch,) = await self.ctx.contest(lambda: self._itself(step, names, False), enough=never, within_ms=ms)
        if branch.state == "cut":
            raise StepTimeout(f"it took longer than {ms:,} ms", timeout_ms=ms)
        if branch.error is not None:
            raise branch.error
        return branch.value

    def _itself(self, step: Step, names: Names, main: bool) -> Awaitable[Any]:
        work = LEAVES.get(type(step))
        if work is not None:
            self.progress.count += 1
            return work(self, step, names) if not self.is_stepping else stepped(self, step, names, work)
        match step:
            case Sequential():
                return self.block(step.steps, names, main)
            case Parallel():
                return parallel(self, step, names)
            case Race():
                return race(self, step, names)
            case Condition() | Switch():
                name, steps = choose(step, names, self.progress.behind)
                return self.inside(name, steps, names, main)
            case Loop():
                return loop(self, step, names, main)
            case _:
                raise AssertionError(f"nobody does {type(step).__name__}")

    async def _finally(self, step: Step, names: Names) -> None:
        with self.ctx.shielded():
            await self.inside("finally", step.finally_, names.branch())

    @property
    def place(self) -> str:
        """Where the flow is: the path of the step with the turns of loops, and its tries."""
        return self.ctx.place[:-1]

    def show(self, step: Step, state: str, value: Any = None, error: PerdureError | None = None) -> None:
        """Tell whoever listens how a step stands."""
        if self.ctx.watched:
            place = self.place if state != "skipped" else f"{self.ctx.place}{step.segment}"
            failure = None if error is None else told(error, place)
            self.ctx.emit(StepSeen(place, step.path, type(step).__struct_config__.tag, state, value, failure))
