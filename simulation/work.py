"""What agents are asked to do: plans drawn by chance, and the one handler that carries any of them out.

A plan is a list of steps, plain data, so that it travels as a message. The handler gives back what became of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from purse import COST, RESERVED, Purse
from topics import TOPICS, place_of

import flows
from perdure.base.codec import pack, unpack
from perdure.base.errors import PerdureError, UnknownSpec
from perdure.base.usage import Usage
from perdure.flows.spec import FlowSpec
from perdure.kernel.classes import EFFECT_CLASSES, Outcome
from perdure.kernel.context import Context
from perdure.kernel.program import Program

if TYPE_CHECKING:
    from outside import Outside
    from process import Process

Plan = list[dict[str, Any]]


class Broken(PerdureError):
    """What a plan breaks with, where it is to fail."""

    code = "simulation.broken"


class Flaky(Broken):
    code = "simulation.flaky"
    retryable = True


def draw(chance: Random, agents: list[str], label: str, depth: int = 0) -> Plan:
    """A plan for a run called `label`. What it asks of others is smaller: plans end."""
    kinds = ["act"] * 6 + ["gather", "sleep", "spend", "spend", "ask", "count", "checkpoint", "stable"]
    if depth < 2:
        kinds += ["child", "request", "send", "publish"]
    if depth == 0:
        kinds += ["flaky", "listen", "flow"]
    plan = []
    for number in range(chance.randint(1, 5 - depth)):
        kind, name = chance.choice(kinds), f"{label}/{number}"
        step: dict[str, Any] = {"do": kind, "label": name}
        match kind:
            case "act":
                step |= _act(chance)
            case "gather":
                step["acts"] = [_act(chance) | {"label": f"{name}.{one}"} for one in range(chance.randint(2, 4))]
            case "sleep":
                step["ms"] = chance.choice([1, 50, 700, 5_000])
            case "child" | "request" | "send":
                step["plan"] = draw(chance, agents, f"{name}>", depth + 1)
                step["to"] = chance.choice(agents)
            case "publish":
                step["plan"] = draw(chance, agents, f"{name}>", depth + 1)
                step["topic"] = chance.choice(TOPICS)
            case "listen":
                step |= {"topic": chance.choice(TOPICS), "many": chance.randint(1, 4)}
            case "flow":
                step["flow"] = chance.random()
            case _:
                pass
        plan.append(step)
    if depth == 0 and chance.random() < 0.1:
        plan.append({"do": "break", "label": f"{label}/end"})
    return plan


def _act(chance: Random) -> dict[str, Any]:
    return {"effect": chance.choice(EFFECT_CLASSES), "timeout": chance.choice([None, 500, 20_000])}


class Worker:
    """The programs of one process: the handlers act through it."""

    def __init__(self, outside: Outside, purse: Purse, specs: Sequence[FlowSpec]) -> None:
        self.process: Process
        self._outside = outside
        self._flows = [spec.name for spec in specs]
        self._programs = {spec.name: flows.program(spec, outside, lambda: self.process) for spec in specs}
        self._programs["worker"] = Program(
            self._handle,
            per_run=purse.per_run,
            per_tick=purse.per_tick,
            per_day=purse.per_day,
            attempts=10,
            backoff_ms=200,
            spending=purse.rules,
        )

    async def program(self, digest: str) -> Program:
        if digest not in self._programs:
            raise UnknownSpec(f"no spec {digest}")
        return self._programs[digest]

    async def find(self, target: Any) -> tuple[str, bytes, Program]:
        return str(target), str(target).encode(), await self.program(str(target))

    # -- the handler --------------------------------------------------------------------------------------------------

    async def _handle(self, ctx: Context) -> Any:
        task = ctx.envelope.payload
        if (place := place_of(ctx.envelope)) is not None:
            self._outside.hear(place)
        if isinstance(task, list):  # several events at once
            task = {"plan": [step for one in task for step in one["payload"].get("plan", [])]}
        if "plan" not in task:
            return None  # news of something delegated, or that a flow may go on
        if "number" in task:
            self._outside.begin(ctx.agent_id, task["number"])
        said: list[Any] = list(ctx.restored) if ctx.restored is not None else []
        plan: Plan = task["plan"]
        while len(said) < len(plan):
            step = plan[len(said)]
            if step["do"] == "checkpoint":
                said.append("kept")
                await ctx.checkpoint(said)
            else:
                with ctx.scope(f"{len(said)}"):
                    said.append(await self._do(ctx, step))
        return said

    async def _do(self, ctx: Context, step: dict[str, Any]) -> Any:
        match step["do"]:
            case "act":
                return await self._act(ctx, step)
            case "gather":
                return await ctx.gather(*(self._act(ctx, act) for act in step["acts"]), name="acts")
            case "sleep":
                await ctx.sleep(step["ms"])
            case "spend":
                return await self._spend(ctx, step)
            case "ask":
                return await ctx.ask(f"{step['label']}?")
            case "count":
                state, _ = ctx.state
                ctx.set_state(pack((unpack(state) if state else 0) + 1), 1)
                return "counted"
            case "stable":
                known = [await ctx.now(), ctx.uuid(), ctx.random().random()]
                return await ctx.effect("told", "", self._echo(known), request=known, effect="read")
            case "child":
                result = await ctx.run("worker", {"plan": step["plan"]})
                return [result.status, result.output]
            case "request":
                if step["to"] == ctx.agent_id:
                    return "not oneself"
                try:
                    return await ctx.ask_agent(step["to"], {"plan": step["plan"]}, timeout_ms=3_000)
                except PerdureError as error:
                    return error.code
            case "send":
                ctx.send(step["to"], {"plan": step["plan"]})
                return "sent"
            case "publish":
                return f"published {ctx.topics.publish(step['topic'], {'plan': step['plan']})}"
            case "listen":
                return await self._listen(ctx, step)
            case "flow":
                if not self._flows:
                    return "no flow"
                result = await ctx.run(self._flows[int(step["flow"] * len(self._flows))], {})
                return result.status
            case "flaky":
                if self._is_first_time(ctx, step["label"]):
                    raise Flaky(f"{step['label']} goes wrong at first")
            case "break":
                raise Broken(f"{step['label']} breaks")
            case other:
                raise AssertionError(other)
        return "done"

    async def _act(self, ctx: Context, step: dict[str, Any]) -> str:
        label, effect = _label(ctx, step), step["effect"]

        async def act(key: str) -> str:
            return await self._outside.act(self.process, label, effect, key)

        async def look(key: str) -> Any:
            return await self._outside.look(self.process, label, key)

        try:
            said = await ctx.effect(
                "act", "", act, request=label, effect=effect, probe=look, timeout_ms=step["timeout"]
            )
        except PerdureError as error:
            if error.code.startswith(("store", "replay")):
                raise
            return f"failed {error.code}"
        return str(said)

    async def _spend(self, ctx: Context, step: dict[str, Any]) -> Any:
        label = _label(ctx, step)

        async def buy(key: str) -> Outcome:
            said = await self._outside.act(self.process, label, "read", key)
            return Outcome(said, Usage(10, 5), COST)

        try:
            return await ctx.effect("spend", "", buy, request=label, effect="read", reserve=RESERVED, timeout_ms=2_000)
        except PerdureError as error:
            if error.code.startswith(("store", "replay")):
                raise
            return f"failed {error.code}"

    async def _listen(self, ctx: Context, step: dict[str, Any]) -> dict[str, Any]:
        """Hear a topic from its beginning, for a while."""
        id, heard = await ctx.topics.listen(step["topic"], after=0, name=step["label"]), []
        while len(heard) < step["many"] and (event := await ctx.topics.hear(id, timeout_ms=2_000)) is not None:
            heard.append(int(event.id.partition("/")[2]))
        ctx.topics.unsubscribe(id)
        return {"topic": step["topic"], "heard": heard}

    def _is_first_time(self, ctx: Context, label: str) -> bool:
        flaky = f"{ctx.run_id}:{label}"
        was = flaky in self._outside.classes
        self._outside.classes[flaky] = "read"
        return not was

    def _echo(self, value: Any) -> Callable[[str], Any]:
        async def echo(_: str) -> Any:
            return value

        return echo


def _label(ctx: Context, step: dict[str, Any]) -> str:
    """What an act is called: the same event may be asked for twice in one run, so its place counts."""
    return f"{ctx.run_id}:{ctx.place}{step['label']}"
