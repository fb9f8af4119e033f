"""Flows drawn by chance: their tools act outside, and what was done is undone where a flow fails or is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from topics import GO, TOPICS

from perdure.base.codec import to_json, unpack
from perdure.base.errors import ToolTimeout
from perdure.base.messages import Text, ToolDefinition
from perdure.flows.interpreter.ready import make_ready
from perdure.flows.interpreter.run import run
from perdure.flows.language.loader import load_flow_document
from perdure.flows.spec import FlowSpec
from perdure.kernel import records as r
from perdure.kernel.classes import EFFECT_CLASSES, EffectClass, NotDone
from perdure.kernel.context import Context
from perdure.kernel.journal import decode
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RecordFilter
from perdure.namespace import context
from perdure.tools.port import ToolOutput

if TYPE_CHECKING:
    from outside import Outside
    from process import Process
    from scenario import World

CALL_MS = 2_000
TRIED = {"attempts": 3, "backoff": "100ms"}
FAILURES = ("run.effect_failed", "tool.", "flow.")
"""What the codes of errors begin with that a drawn flow may end with."""


# -- what is drawn ----------------------------------------------------------------------------------------------------


def draw(chance: Random, name: str, plan: Callable[[], Any]) -> FlowSpec:
    """A flow of some steps; `plan` draws what an event asks of those who hear it. Steps that can be undone have labels
    that end in `!`, and `undo ` before it is the label of what undoes them."""
    tasks = [_step(chance, f"s{number}", plan) for number in range(chance.randint(2, 5))]
    if chance.random() < 0.3:
        tasks.append({"fail": "it was to fail"})
    tree = {"name": name, "env": {}, "tools": [], "agents": {}, "flows": {}, "tasks": tasks}
    return load_flow_document(to_json({"kind": "flow", "version": 1, "folder": ".", "spec": tree}), environment={})


def _step(chance: Random, name: str, plan: Callable[[], Any]) -> dict[str, Any]:
    match chance.choice(["act"] * 4 + ["parallel", "race", "for_each", "caught", "sleep", "event", "ask", "emit"]):
        case "parallel":
            how = chance.choice([{}, {"on_failure": "collect"}, {"within": "1s"}])
            return {"id": name, "parallel": _branches(chance, name), **how}
        case "race":
            return {"id": name, "race": _branches(chance, name), "on_error": "ignore"}
        case "for_each":
            return {"id": name, "for_each": [1, 2, 3], "as": "item", "do": [_act(chance, name, ".${item}")]}
        case "caught":
            caught = {"sequential": [_act(chance, f"{name}.1"), _act(chance, f"{name}.2")]}
            return {"id": name, **caught, "on_error": [_act(chance, f"{name}.3")], "timeout": "20s"}
        case "sleep":
            return {"id": name, "wait": chance.choice(["50ms", "2s"])}
        case "event":
            return {"id": name, "wait": {"event": GO, "match": "${event.run == run.id}"}}
        case "ask":
            return {"id": name, "wait": {"approval": "Go on?"}}
        case "emit":
            return {"id": name, "emit": chance.choice(TOPICS), "with": {"plan": plan()}}
        case _:
            return {"id": name, **_act(chance, name)}


def _branches(chance: Random, name: str) -> list[dict[str, Any]]:
    return [_act(chance, f"{name}.{number}") for number in range(chance.randint(2, 3))]


def _act(chance: Random, name: str, more: str = "") -> dict[str, Any]:
    effect = chance.choice(EFFECT_CLASSES)
    step: dict[str, Any] = {"tool": effect}
    if chance.random() < 0.5:
        step["retry"] = TRIED
    if effect != "read" and chance.random() < 0.6:
        more += "!"
        undoing = {"tool": chance.choice(EFFECT_CLASSES[1:]), "with": {"label": f"undo {name}{more}"}, "retry": TRIED}
        step["compensate"] = [undoing]
    return step | {"with": {"label": f"{name}{more}"}}


# -- how it is carried out --------------------------------------------------------------------------------------------


def program(spec: FlowSpec, outside: Outside, process: Callable[[], Process]) -> Program:
    """The flow as one process carries it out."""
    tools = {effect: Act(effect, outside, process) for effect in EFFECT_CLASSES}
    ready = make_ready(spec, tools, {})

    def work(ctx: Context) -> Awaitable[Any]:
        return run(context.Context(ctx, None), ready)

    return Program(work, undoes=True)


class Act:
    """A `Tool` that acts outside."""

    timeout_ms = CALL_MS
    source_digest = ""

    def __init__(self, effect: EffectClass, outside: Outside, process: Callable[[], Process]) -> None:
        self.definition = ToolDefinition(effect, "Act.", {})
        self.effect: EffectClass | None = effect
        self._class = effect
        self._outside = outside
        self._process = process

    def check(self, arguments: Mapping[str, Any]) -> None:
        pass

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        return self.effect

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        try:
            async with asyncio.timeout(CALL_MS / 1000):
                label = f"{ctx.run_id}:{arguments['label']}"
                return _said(await self._outside.act(self._process(), label, self._class, key))
        except TimeoutError as error:
            raise ToolTimeout(f"{arguments['label']} took too long") from error

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput | NotDone:
        found = await self._outside.look(self._process(), f"{ctx.run_id}:{arguments['label']}", key)
        return found if isinstance(found, NotDone) else _said(found)


def _said(text: str) -> ToolOutput:
    return ToolOutput((Text(text),))


# -- whether all is well ----------------------------------------------------------------------------------------------


async def wrong(world: World, run_id: str, end: tuple[str, Any]) -> list[str]:
    """What the flow did, against what it says, and against what was to be undone."""
    status, output = end
    records = await world.disk.store.records(RecordFilter(run_id=run_id), limit=100_000)
    done, failed, doubted = _did([(record.key, decode(record)) for record in records])
    code = output.get("code", "") if status == "failed" else ""
    found = list(_undone(done, status, code))
    if status == "failed" and not code.startswith(FAILURES):
        found.append(f"failed with {output}")
    acts = {
        label.partition(":")[2]: len(keys) for label, keys in world.outside.acts.items() if label.startswith(run_id)
    }
    found += [f"{label} is said to be done and was not" for label in done if not acts.get(label)]
    if status != "cancelled":  # then the end of what was under way is not known
        found += [f"{label} is said to have failed and was done" for label in failed - done if acts.get(label)]
    if status == "done":
        known = done | doubted
        found += [f"{label} was done, and nothing says so" for label, n in acts.items() if n and label not in known]
    return [f"the flow {run_id} ({status} {code}): {line}" for line in found]


def _undone(done: set[str], status: str, code: str) -> Iterator[str]:
    for label in done:
        if label.startswith("undo ") and status == "done":
            yield f"{label}, and it ended well"
        if label.startswith("undo ") and label.removeprefix("undo ") not in done:
            yield f"{label}, which was not done"
        is_left = label.endswith("!") and not label.startswith("undo ") and f"undo {label}" not in done
        if is_left and status != "done" and code != "flow.not_undone":
            yield f"{label} was not undone"


def _did(events: Sequence[tuple[str, r.AnyEvent]]) -> tuple[set[str], set[str], set[str]]:
    """Labels of what changes something: of which it is on record that it was done, that it failed, and that nobody
    knows, as somebody cancelled the flow meanwhile, perhaps too late to keep it from its end."""
    labels: dict[str, str] = {}
    done, failed, doubted = set(), set(), set()
    for key, event in events:
        match event:
            case r.EffectIntended(kind="tool"):
                labels[key] = unpack(event.body)["arguments"]["label"]
            case r.EffectDone() | r.EffectResolved(how="done") if key in labels:
                done.add(labels[key])
            case r.EffectFailed() | r.EffectResolved(how="fail") if key in labels:
                failed.add(labels[key])
            case r.RunResumed(reason="cancelling"):
                named = unpack(event.body).get("facts", {}).get("in_doubt", ())
                doubted |= {labels[key] for key in named if key in labels}
            case _:
                pass
    return done, failed, doubted
