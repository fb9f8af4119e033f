"""What the records of one run tell, as a tree: steps, calls of models and tools, waits, and what happened to the run.

A pure reading: records in, nodes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from perdure.base.codec import NIL, to_json, unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import ModelResponse, ToolCall
from perdure.base.redaction import hide, hide_in
from perdure.base.usage import NO_USAGE
from perdure.flows.interpreter.seen import StepSeen
from perdure.kernel import records as r
from perdure.kernel.budgets import low
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import ENDED, RunRow

from .scopes import name_of, split, steps_of

T = TypeVar("T")
Kind: TypeAlias = Literal["run", "step", "model", "tool", "effect", "wait", "child", "event"]
Status: TypeAlias = str
"""That of a run, or `started` (nobody knows its end yet), `done`, `failed`, `in_doubt`, `waiting`, `cancelled`; a
step of a flow may be `skipped`."""

SHORT = 160
"""Characters of a summary."""


class TraceNode(msgspec.Struct, frozen=True):
    """One thing that a run did. Times are milliseconds (UTC where absolute), money is micro-USD; a step's and a run's
    tokens and cost are the sums of what they hold, without child runs, which have their own.

    `detail` is what was asked and what was answered, as plain data. An `event` is something that happened to the run:
    it was resumed, paused, or an attempt failed. A step of a flow says in `detail` what kind of `step` it is, and its
    `result` or `error`.
    """

    name: str
    kind: Kind
    key: str
    status: Status
    started_at: int
    duration_ms: int
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    summary: str = ""
    detail: dict[str, Any] = {}
    children: tuple[TraceNode, ...] = ()


class Span:
    """A node in the making. `started` is None until a record tells of it."""

    def __init__(self, name: str, kind: Kind, key: str) -> None:
        self.name = name
        self.kind: Kind = kind
        self.key = key
        self.status: Status = ""
        self.started: int | None = None
        self.ended: int | None = None
        self.usage = NO_USAGE
        self.cost = 0
        self.summary = ""
        self.detail: dict[str, Any] = {}
        self.inside: list[Span] = []
        self.default: Status = "done"
        """How it stands where neither itself nor anything inside says."""

    def begin(self, at: int) -> None:
        self.started = at if self.started is None else min(self.started, at)

    def end(self, at: int, status: Status) -> None:
        self.ended, self.status = at, status

    def add(self, name: str, kind: Kind, key: str) -> Span:
        span = Span(name, kind, key)
        self.inside.append(span)
        return span


class Course:
    """Takes the records of a run in, in order, and gives its tree."""

    def __init__(self, run: RunRow, name: str) -> None:
        self.run = run
        self.root = Span(name, "run", "")
        self._spans: dict[str, Span] = {}
        self._calls: dict[str, ToolCall] = {}
        self._waits: set[str] = set()

    # -- reading ------------------------------------------------------------------------------------------------------

    def tell(self, steps: Iterable[StepSeen]) -> None:
        """Take in what a flow tells of its steps, in the order in which they were begun, ahead of the records."""
        for seen in steps:
            span = self._step(steps_of(seen.place.split("/"), self._spans))
            span.detail = {"step": seen.kind}
            if seen.state == "started":
                span.default = "started"
                continue
            span.status = seen.state
            if seen.error is not None:
                span.detail["error"], span.summary = seen.error, short(seen.error["message"])
            elif seen.state == "done":
                span.detail["result"], span.summary = seen.value, short(seen.value)

    def read(self, records: Iterable[r.Record]) -> Course:
        for record in records:
            self._note(record.key, record.at, decode(record))
        return self

    def _note(self, key: str, at: int, event: r.Event) -> None:
        root = self.root
        match event:
            case r.RunAccepted():
                root.begin(at)
                payload = unpack_as(event.body, Envelope).payload
                root.summary = short(payload)
                root.detail = {"input": payload, "spec": event.spec}
            case r.EffectIntended():
                span = self._span(key, _kind(event.kind))
                span.begin(at)
                span.status = "started"
                if event.body != NIL:
                    self._asked(span, unpack(event.body))
            case r.EffectDone():
                self._done(key, at, event)
            case r.EffectFailed():
                span = self._closed(key, at, event, "failed")
                error = unpack(event.body)
                if error is not None:
                    span.detail["error"] = error
                    span.summary = _arrow(span.summary, error["message"])
            case r.EffectResolved():
                self._resolved(key, at, event)
            case r.RunWaiting():
                self._waiting(at, event)
            case r.MessageReceived() if key:
                self._answered(key, at, event)
            case r.MessageSent():
                span = self._span(key, "effect")
                span.begin(at)
                span.end(at, "done")
                span.detail = {"to": event.to, "envelope": unpack(event.body)}
                span.summary = event.to
            case r.BudgetSettled() if key in self._spans and self._spans[key].status == "started":
                self._spans[key].cost += event.spent  # a call cut short: no record of its end tells what it cost
            case r.RunResumed() | r.RunPaused() | r.TickFailed() | r.BudgetWarned():
                self._event(key, at, event)
            case r.RunYielded():
                root.end(at, "yielded")
                root.detail["output"] = unpack(event.body)
            case r.RunFinished():
                root.end(at, event.status)
                root.detail["output" if event.status == "done" else "error"] = unpack(event.body)
            case _:
                pass

    def _done(self, key: str, at: int, event: r.EffectDone) -> None:
        span = self._closed(key, at, event, "done")
        if event.request != NIL:
            self._asked(span, unpack(event.request))
        if span.kind == "model":
            response = unpack_as(event.body, ModelResponse)
            self._calls.update((call.id, call) for call in response.tool_calls)
            if not span.key.rpartition("/")[2].startswith("model:"):
                span.name = str(event.note.get("model", span.name))
            span.summary = short(response.text or ", ".join(map(_call, response.tool_calls)))
            span.detail["answer"] = msgspec.to_builtins(response, builtin_types=(bytes,))
            return
        value = unpack(event.body)
        if span.kind == "tool":
            value = _told(value)
        span.detail["answer"] = value
        span.summary = _arrow(span.summary, value)

    def _closed(self, key: str, at: int, event: r.EffectDone | r.EffectFailed, status: Status) -> Span:
        span = self._span(key, _kind(event.kind))
        span.begin(at - event.ms)
        span.end(at, status)
        call = self._calls.get(str(event.note.get("call", "")))
        if call is not None and "request" not in span.detail:
            self._asked(span, {"tool": call.name, "arguments": call.arguments})
        span.usage += event.usage or NO_USAGE
        span.cost += event.cost
        return span

    def _asked(self, span: Span, request: Any) -> None:
        span.detail["request"] = request
        arguments = request.get("arguments", request) if isinstance(request, dict) else request
        span.summary = short(arguments)

    def _resolved(self, key: str, at: int, event: r.EffectResolved) -> None:
        span = self._span(key, "effect")
        span.begin(at)
        span.detail["decision"] = {"how": event.how, "who": event.who, "why": event.why}
        match event.how:
            case "done":
                span.end(at, "done")
                span.detail["answer"] = unpack(event.body)
                span.summary = _arrow(span.summary, f"done, says {event.who}: {short(unpack(event.body))}")
            case "fail":
                span.end(at, "failed")
                span.summary = _arrow(span.summary, f"failed, says {event.who}")
            case _:
                span.status = "started"

    def _waiting(self, at: int, event: r.RunWaiting) -> None:
        for wait in event.waits:
            if wait.kind == "in_doubt":
                span = self._span(wait.key, _kind(str(wait.about.get("kind", ""))))
                span.begin(at)
                span.status = "in_doubt"
            elif wait.key not in self._waits and not wait.key.startswith(r.RETRY):
                self._waits.add(wait.key)
                span = self._span(wait.key, "child" if wait.kind == "child" else "wait")
                span.begin(at)
                span.status = "waiting"
                span.detail = {"for": wait.kind, **wait.about}
                span.summary = _awaited(wait)

    def _answered(self, key: str, at: int, event: r.MessageReceived) -> None:
        if key.startswith(r.RETRY):
            return
        span = self._span(key, "wait")
        span.begin(at)
        span.end(at, "done")
        if event.kind != "timer":
            envelope = unpack_as(event.body, Envelope)
            answer = envelope.payload
            if span.kind == "child" and isinstance(answer, dict):
                span.status = answer["status"]
                answer = answer["output"] if answer["error"] is None else answer["error"]
            span.detail |= {"answer": answer, "by": envelope.sender}
            if event.kind == "approval" and envelope.thread:
                span.detail["why"] = envelope.thread
            span.summary = _arrow(span.summary, answer)

    def _event(self, key: str, at: int, event: r.RunResumed | r.RunPaused | r.TickFailed | r.BudgetWarned) -> None:
        match event:
            case r.RunResumed():
                name, said = "resumed", event.reason
            case r.RunPaused():
                name, said = "paused", f"by {event.who}" if event.who else ""
            case r.TickFailed():
                name, said = f"attempt {event.attempt} failed", short(unpack(event.body)["message"])
            case r.BudgetWarned():
                name, said = "budget is low", low(event.scope, event.spent, event.limit)
        span = self.root.add(name, "event", key)
        span.begin(at)
        span.end(at, "failed" if isinstance(event, r.TickFailed) else "done")
        span.summary = said

    def _span(self, key: str, kind: Kind) -> Span:
        """The span of a key, put under the steps that its scopes name."""
        if key.endswith("/end"):  # where the end of a child run is waited for, the child run stands
            key = key[: -len("/end")]
        span = self._spans.get(key)
        if span is None:
            scopes, name = split(key)
            span = self._spans[key] = self._step(steps_of(scopes, self._spans)).add(name_of(name), kind, key)
        elif kind == "child":
            span.kind = kind
        return span

    def _step(self, steps: Iterable[tuple[str, str]]) -> Span:
        """The innermost of these steps, each in the one before; the root where there are none."""
        span = self.root
        for place, name in steps:
            span = self._spans.get(place) or self._spans.setdefault(place, span.add(name, "step", place))
        return span

    # -- the tree -----------------------------------------------------------------------------------------------------

    def tree(self, now: int, children: Mapping[str, TraceNode], requests: Mapping[str, Any]) -> TraceNode:
        """The nodes. `children` are trees of child runs by their id, `requests` the questions to models by key."""
        root = self.root
        root.status = self.run.status
        if root.started is None:
            root.started = self.run.created_at
        if self.run.waiting_for:
            root.detail["waiting_for"] = self.run.waiting_for
        for span in self._spans.values():
            if self.run.status == "cancelled" and span.status == "waiting":
                span.status = "cancelled"
            if span.key in requests:
                span.detail["request"] = requests[span.key]
        over = root.ended if self.run.status in ENDED else None
        return _frozen(root, now if over is None else over, children, root.started)

    def child_runs(self) -> list[str]:
        """Ids of the child runs that it waits or waited for, in order."""
        return [span.detail["run"] for span in self._spans.values() if span.kind == "child"]


def _frozen(span: Span, now: int, children: Mapping[str, TraceNode], at: int) -> TraceNode:
    """`at` is when it began, where no record tells: a step that needs none comes right after what was before it."""
    inside: list[TraceNode] = []
    for one in span.inside:
        inside.append(_frozen(one, now, children, inside[-1].started_at + inside[-1].duration_ms if inside else at))
    nested = children.get(str(span.detail.get("run", ""))) if span.kind == "child" else None
    own = [node for node in inside if node.kind != "child"]
    started = span.started if span.started is not None else min((node.started_at for node in inside), default=at)
    ended = span.ended
    if ended is None:
        is_open = span.default == "started" if span.kind == "step" else span.status != ""
        ended = now if is_open else max((node.started_at + node.duration_ms for node in inside), default=started)
    return TraceNode(
        span.name,
        span.kind,
        span.key,
        span.status or _worst(inside, span.default),
        started,
        max(0, ended - started),
        span.usage.input_tokens + sum(node.input_tokens for node in own),
        span.usage.output_tokens + sum(node.output_tokens for node in own),
        span.cost + sum(node.cost_microusd for node in own),
        "" if inside and span.kind == "step" else hide(span.summary),
        hide_in(span.detail),
        (*inside, nested) if nested is not None else tuple(inside),
    )


def _worst(nodes: Iterable[TraceNode], default: Status) -> Status:
    """How a step stands: what is open counts, a failure inside was dealt with inside."""
    found = {node.status for node in nodes}
    return next((status for status in ("in_doubt", "waiting", "started", "cancelled") if status in found), default)


def walk(node: TraceNode, depth: int = 0) -> Iterator[tuple[int, TraceNode]]:
    """Every node with its depth, parents first."""
    yield depth, node
    for child in node.children:
        yield from walk(child, depth + 1)


def _kind(effect: str) -> Kind:
    return "model" if effect == "model" else "tool" if effect == "tool" else "effect"


def _awaited(wait: r.Wait) -> str:
    about = wait.about
    if wait.kind == "approval":
        return short(about.get("question", ""))
    if wait.kind == "child":
        return str(about.get("agent", ""))
    return short(about) if about else ""


def _call(call: ToolCall) -> str:
    arguments = call.arguments if isinstance(call.arguments, str) else to_json(call.arguments).decode()
    return f"{call.name}({arguments})"


def _told(output: Any) -> Any:
    """What a tool gave: its value where it has one, else its text."""
    if not isinstance(output, dict) or "parts" not in output:
        return output
    if output.get("value") is not None:
        return output["value"]
    texts = [part["text"] for part in output["parts"] if part.get("type") == "text"]
    return "".join(texts) if len(texts) == len(output["parts"]) else output["parts"]


def _arrow(asked: str, answered: Any) -> str:
    return short(f"{asked} → {short(answered)}" if asked else answered, SHORT * 2)


def short(value: Any, length: int = SHORT) -> str:
    """Any value on one short line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else to_json(msgspec.to_builtins(value)).decode()
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
