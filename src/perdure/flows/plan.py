"""The plan: what a flow's file comes down to, whichever of its forms it is written in. Immutable, and all that runs.

A `path` says where a step stands in the structure of the flow: `review/draft`, `parallel/risk`, `sequential#2/tool`.
It is made of the ids that a person gave; a step without one is called by its kind and, from the second of that kind in
its block, a number. So it survives what is written before and after it, and is what a step's keys in the journal begin
with. Each turn of a loop adds its number, from 1, behind the loop's own path.

Expressions see these names, and `Node`s of the plan hold no others:

    topic            an input, the result of a step by its id, a variable that `set` gave, or the item of a loop;
                     one name has one meaning in the whole of a flow, loops inside loops aside
    inputs           all inputs by name
    env              settings by name: those of the flow, and of the `env` around a step
    run              `{id, flow}`
    error            `{code, message, step, retryable}`, inside `on_error`
    event            the payload of an event, inside the `match` of a wait
    proposal         what somebody proposes, inside the `score` of a contract
    done             ids of the steps that were done: neither skipped nor failed
    results          all results of a loop, inside its `reduce`

A step that did not run, or failed and was let pass, has the result null. What a file calls `previous` is the name of a
step here; a step without an id is called by its path.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from .expressions.tree import Node
from .types import Type

Block: TypeAlias = "tuple[Step, ...]"
"""Steps one after the other. Its result is that of the last one; null where there is none."""


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tries a step again when it fails: `attempts` in all, with a pause that begins at `backoff_ms` and grows by
    `factor` up to `most_ms`. `codes` are errors that are tried again, by code or the part of it before a dot; without
    any, those that are `retryable`, and every failure of a tool, an agent or a request."""

    attempts: int
    backoff_ms: int = 1_000
    factor: float = 2.0
    most_ms: int = 300_000
    codes: tuple[str, ...] = ()


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True, dict=True):
    """What every step has. It is carried out from the outside in:

    `when` (false: the step is skipped, with the result null) → `env` (settings for all that is inside) → `finally_`
    (runs last, however the step ends, cancelled ones included) → `on_error` (runs when the step failed for good, and
    its result stands for the step's; `()` lets the failure pass with null; None hands it on) → `retry` → `timeout_ms`
    (for one attempt, waiting included) → the step itself.

    Once a step is done its `compensate` is remembered. Where the flow then fails or is cancelled, what is remembered
    runs in reverse order of completion, with the names of the flow as they were when the step was done.
    """

    path: str
    id: str = ""
    when: Node | None = None
    env: tuple[tuple[str, Node], ...] = ()
    timeout_ms: int | None = None
    retry: Retry | None = None
    on_error: Block | None = None
    compensate: Block = ()
    finally_: Block = ()

    @cached_property
    def name(self) -> str:
        """What expressions of the plan call the step's result: its id, or the path of a step that has none."""
        return self.id or self.path

    @cached_property
    def segment(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class Agent(_Step, frozen=True, kw_only=True, tag="agent"):
    """Asks the agent that the flow calls `agent`: a child run with `input`. The result is its output. `shape` is what
    the output has to be; one that is not fails the step."""

    agent: str
    input: Node
    shape: Type | None = None


class Tool(_Step, frozen=True, kw_only=True, tag="tool"):
    """Calls a tool of the flow, by its name, or by the reference that a file names it with: `./tools.py:function` or
    `package.module:function`. The result is what it gives back."""

    tool: str
    arguments: tuple[tuple[str, Node], ...] = ()
    shape: Type | None = None


class SubFlow(_Step, frozen=True, kw_only=True, tag="flow"):
    """Runs the flow that this one knows as `flow`, as a child run. The result is a mapping of its outputs."""

    flow: str
    inputs: tuple[tuple[str, Node], ...] = ()


class Set(_Step, frozen=True, kw_only=True, tag="set"):
    """Gives variables values, one after the other. The result is a mapping of them."""

    values: tuple[tuple[str, Node], ...]


class Emit(_Step, frozen=True, kw_only=True, tag="emit"):
    """Publishes an event. The result is its id."""

    topic: Node
    payload: Node


class Sleep(_Step, frozen=True, kw_only=True, tag="sleep"):
    """Waits for a time: `span` is a duration as people write it (or seconds), `until` a moment (RFC 3339 or integer
    milliseconds UTC); exactly one is there. The result is null."""

    span: Node | None = None
    until: Node | None = None


class Await(_Step, frozen=True, kw_only=True, tag="event"):
    """Waits for an event of `topic` (wildcards allowed) for which `match` is true, `patience_ms` at most. The result is
    its payload, null when the time is up."""

    topic: Node
    match: Node | None = None
    patience_ms: int | None = None


class Approval(_Step, frozen=True, kw_only=True, tag="approval"):
    """Asks a person, `patience_ms` at most. The result is the answer; the approval that names no `options` gives true
    or false. When the time is up it is `late`, null where the file says nothing."""

    question: Node
    options: tuple[str, ...] = ()
    about: Node | None = None
    patience_ms: int | None = None
    late: Node | None = None


class Request(_Step, frozen=True, kw_only=True, tag="request"):
    """Asks whoever hears `topic`. The result is the first answer; without one `within_ms` the step fails."""

    topic: Node
    payload: Node
    within_ms: int


class Gather(_Step, frozen=True, kw_only=True, tag="gather"):
    """Asks on a topic, or on each of a list. The result is a list of the `first` so many answers, each a mapping of
    `sender`, `payload` and `error`. With fewer `within_ms` the step fails, unless it is content with `partial` ones."""

    topic: Node
    payload: Node
    first: int
    within_ms: int
    partial: bool = False
    summary_to: Node | None = None


class Contract(_Step, frozen=True, kw_only=True, tag="contract"):
    """Calls for proposals and awards the task to the best. Who is best `score` says, which sees a `proposal`; None is
    the `score` that each states. The result is a mapping of `awarded` and all `proposals`, the best first."""

    topic: Node
    task: Node
    within_ms: int
    score: Node | None = None
    best: Literal["max", "min"] = "max"
    awards: int = 1
    summary_to: Node | None = None


class Barrier(_Step, frozen=True, kw_only=True, tag="barrier"):
    """Comes to a `meeting` and waits until so many `parties` are there. The result is the list of them; with fewer
    `within_ms` the step fails."""

    meeting: Node
    parties: int
    within_ms: int


class Broadcast(_Step, frozen=True, kw_only=True, tag="broadcast"):
    """Tells all who joined a thread; None is that of the message that began the run. The result is the event's id."""

    payload: Node
    thread: Node | None = None


class Fail(_Step, frozen=True, kw_only=True, tag="fail"):
    """Fails with a message, as a step that went wrong does."""

    message: Node


class Sequential(_Step, frozen=True, kw_only=True, tag="sequential"):
    steps: Block


class Parallel(_Step, frozen=True, kw_only=True, tag="parallel"):
    """Runs branches side by side, `at_once` at most. The result is a mapping by id where every branch has one
    (`keyed`), else a list in the order of the file.

    `need` is how many have to succeed; None is all of them. With all of them the first failure cancels the rest and
    fails the step. With fewer, every branch is let finish, failed ones count as null, and the step fails once `need`
    cannot be reached. Branches that are not done `within_ms` after the first began are cancelled and count as failed.
    """

    branches: Block
    keyed: bool
    at_once: int | None = None
    need: int | None = None
    within_ms: int | None = None


class Race(_Step, frozen=True, kw_only=True, tag="race"):
    """Runs branches side by side until `first` of them have succeeded; the others are cancelled. The result is the
    winner's, or a list of the winners' in the order of the file where `first` is more than 1. Fails once too few are
    left to win."""

    branches: Block
    first: int = 1


class Case(msgspec.Struct, frozen=True):
    """One way on. Of a condition `when` is true or false; of a switch, the values that it stands for."""

    when: Node
    steps: Block


class Condition(_Step, frozen=True, kw_only=True, tag="condition"):
    """The first case whose `when` is true, else `otherwise`. The result is that of the block that ran. The blocks'
    paths are `path/then`, `path/elif`, `path/elif#2` … and `path/else`."""

    cases: tuple[Case, ...]
    otherwise: Block = ()


class Switch(_Step, frozen=True, kw_only=True, tag="switch"):
    """The first case whose list of values holds `value`, else `otherwise`. The blocks' paths are `path/case`,
    `path/case#2` … and `path/default`."""

    value: Node
    cases: tuple[Case, ...]
    otherwise: Block = ()


class Loop(_Step, frozen=True, kw_only=True, tag="loop"):
    """Runs `steps` again and again: for each item of the list `over` (`concurrency` at once), or while `condition` is
    true before a turn (`while`), or until it is true after one (`until`).

    `item` and `index` (from 0) are the names that a turn sees. What steps of a turn gave is seen in that turn, and by
    `condition`: null before the first. `limit` bounds the turns; one more is an error of the flow, `flow.loop_limit`.
    The result is the list of what turns gave for `each`, what the last one gave otherwise. `reduce` runs once after an
    `each`, sees the list as `results`, and its result is the loop's then; its paths begin with `path/reduce`.
    """

    mode: Literal["each", "while", "until"]
    steps: Block
    over: Node | None = None
    condition: Node | None = None
    item: str = "item"
    index: str = "index"
    limit: int | None = None
    concurrency: int = 1
    reduce: Block = ()


Step: TypeAlias = (
    Agent
    | Tool
    | SubFlow
    | Set
    | Emit
    | Sleep
    | Await
    | Approval
    | Request
    | Gather
    | Contract
    | Barrier
    | Broadcast
    | Fail
    | Sequential
    | Parallel
    | Race
    | Condition
    | Switch
    | Loop
)


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that a flow is given. One with a default may be left out."""

    name: str
    type: Type
    required: bool = True
    default: Node | None = None
    description: str = ""


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that a flow gives back, once its last step is done."""

    name: str
    value: Node
    type: Type
    description: str = ""


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole flow. Its output is a mapping of `outputs`; without any, the result of its last step.

    `env` are settings of the flow itself; `environment` names those that expressions read besides them, from the
    environment of the process. `on_error` and `finally_` stand around all steps as they do around one.
    """

    name: str
    steps: Block
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    env: tuple[tuple[str, Node], ...] = ()
    environment: tuple[str, ...] = ()
    timeout_ms: int | None = None
    on_error: Block | None = None
    finally_: Block = ()

    def walk(self) -> Iterator[Step]:
        """Every step, the outer before the inner, in the order of the file."""
        for block in (self.steps, self.on_error or (), self.finally_):
            yield from _walk(block)


def blocks_of(step: Step) -> Iterator[Block]:
    """The blocks inside a step, in the order of the file; those that only run when something ends come last."""
    match step:
        case Sequential():
            yield step.steps
        case Parallel() | Race():
            yield step.branches
        case Condition() | Switch():
            yield from (case.steps for case in step.cases)
            yield step.otherwise
        case Loop():
            yield step.steps
            yield step.reduce
        case _:
            pass
    yield step.on_error or ()
    yield step.compensate
    yield step.finally_


def _walk(block: Block) -> Iterator[Step]:
    for step in block:
        yield step
        for inner in blocks_of(step):
            yield from _walk(inner)
