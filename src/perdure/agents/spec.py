"""What an agent is: the fields of its file, and the spec that a run keeps to its end."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from perdure.base.codec import digest_bytes
from perdure.compute.spec import ModelSpec
from perdure.namespace.levels import Access

from .amounts import Duration, Money, encode_amount
from .lifecycle import AgentLifecycle, HotReload
from .section import Count, Name, Section
from .team import Team

AT_ONCE = 8
"""Tool calls of one answer that run at the same time where the spec only says that they may."""
EXPIRE_MS = 30 * 86_400_000
"""How long a call waits for approval where a spec does not say."""
CLIENT_MS = 10 * 60_000
"""How long a run waits for a tool of its client where a spec does not say."""

Version: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$(?!\n)",
        extra_json_schema={"errorMessage": "expected a semantic version, such as 1.2.0"},
    ),
]


class Budget(Section, frozen=True):
    """What the agent may spend. Amounts are micro-USD; `$0.10` or a number of dollars in a file."""

    per_run: Annotated[Money | None, Meta(description="Most that one run may cost, with its child runs.")] = None
    per_tick: Annotated[
        Money | None, Meta(description="Most that the agent may spend from one wait to the next, without child runs.")
    ] = None
    per_day: Annotated[Money | None, Meta(description="Most that all runs of the agent may cost in a day (UTC).")] = (
        None
    )
    approval_threshold: Annotated[
        Money | None, Meta(description="A single spend above this waits for a person's approval.")
    ] = None
    approvers: Annotated[
        tuple[str, ...], Meta(description="Who may approve it, by name or public key; anyone where none is named.")
    ] = ()
    on_exceeded: Annotated[
        Literal["fail", "wait"], Meta(description="Whether a run fails where a budget has no room, or waits for it.")
    ] = "fail"
    unknown_usage: Annotated[
        Literal["reserved", "zero"], Meta(description="What a call counts for whose usage nobody knows.")
    ] = "reserved"
    warn_at: Annotated[float, Meta(gt=0, le=1, description="Share of a budget at which a warning is given.")] = 0.8


class Limits(Section, frozen=True):
    """How far one run may go before it stops. Durations are milliseconds; `2m` or a number of seconds in a file."""

    steps: Annotated[Count, Meta(description="Model calls before the run yields; it can be resumed.")] = 20
    exhausted: Annotated[
        Literal["yield", "fail"],
        Meta(description="What becomes of a run at its limit of steps or tokens; in a team members fail."),
    ] = "yield"
    timeout: Annotated[Duration | None, Meta(description="Longest time that a run may work, waiting aside.")] = None
    tool_timeout: Annotated[Duration | None, Meta(description="Longest time of one tool call.")] = None
    client_timeout: Annotated[
        Duration | None,
        Meta(description="How long a run waits for a tool that its client calls; 10m where absent, 0 for ever."),
    ] = None
    tokens: Annotated[Count | None, Meta(description="Most tokens that a run may use, in and out.")] = None
    attempts: Annotated[
        Count, Meta(description="How often a run is tried in all, where a passing fault made it fail.")
    ] = 1
    concurrency: Annotated[
        bool | Count, Meta(description="Tool calls at once: a number, true for 8, false for one after another.")
    ] = True

    @property
    def calls_at_once(self) -> int:
        if isinstance(self.concurrency, bool):
            return AT_ONCE if self.concurrency else 1
        return self.concurrency

    @property
    def client_ms(self) -> int | None:
        """None: for ever."""
        return CLIENT_MS if self.client_timeout is None else int(self.client_timeout) or None


class Approvals(Section, frozen=True):
    """How the agent's calls wait for a person's approval."""

    expire: Annotated[
        Duration | None,
        Meta(description="How long a call waits before it is taken for denied; 30d where absent, 0 for ever."),
    ] = None

    @property
    def expire_ms(self) -> int | None:
        """None: for ever."""
        return EXPIRE_MS if self.expire is None else int(self.expire) or None


class ContextWindow(Section, frozen=True):
    """What happens when the conversation outgrows the model's window."""

    policy: Literal["drop_oldest", "summarize"] = "drop_oldest"
    tokens: Annotated[Count | None, Meta(description="Size of the window; the model's own where absent.")] = None
    keep: Annotated[Count, Meta(description="Latest messages that always stay.")] = 8


class Inbox(Section, frozen=True):
    """How many messages may wait for the agent, and what happens to one too many."""

    capacity: Annotated[Count, Meta(description="Messages that may wait.")] = 1024
    policy: Literal["reject_new", "drop_oldest", "dead_letter"] = "reject_new"


class Supervise(Section, frozen=True):
    """What happens when a run fails, and how many may begin. Without this section a failed run is left as it is."""

    restart: Annotated[int, Meta(ge=0, le=1000, description="How often a run that failed is gone on with.")] = 3
    backoff: Annotated[
        Duration | None,
        Meta(description="Pause before the first time, then twice as long each time; 10s where absent."),
    ] = None
    then: Annotated[
        Literal["quarantine", "demote", "terminate", "ignore"], Meta(description="What is done after that.")
    ] = "quarantine"
    on: Annotated[
        dict[str, Literal["restart", "quarantine", "demote", "terminate", "ignore"]],
        Meta(description="What is done about errors whose code is this, or begins with it and a dot."),
    ] = {}
    throttle: Annotated[Count | None, Meta(description="Most runs that begin in a minute; the rest wait.")] = None
    escalate_to: Annotated[str, Meta(description="An agent that is told when more than a restart was done.")] = ""
    demote: Annotated[tuple[str, ...], Meta(description="Paths that the agent loses by `demote`.")] = ()


class Trigger(Section, frozen=True):
    """What wakes the agent besides a message to it: exactly one of the first five fields."""

    topic: Annotated[str | None, Meta(description="Events of this topic; `*` and `>` are wildcards.")] = None
    schedule: Annotated[str | None, Meta(description="A cron line, such as `0 9 * * mon`.")] = None
    every: Annotated[Duration | None, Meta(description="An interval, such as `15m`.")] = None
    webhook: Annotated[
        str | None, Meta(description="Deliveries of this source, such as `github`, to `/webhooks/AGENT/SOURCE`.")
    ] = None
    file: Annotated[str | None, Meta(description="Changes of files that match this pattern.")] = None
    timezone: Annotated[str, Meta(description="Zone of the schedule, such as `Europe/Zurich`.")] = "UTC"
    missed: Annotated[
        Literal["run_once", "skip", "catch_up"],
        Meta(description="What becomes of times that passed while nothing ran: one run for all, none, or one each."),
    ] = "run_once"
    missed_max: Annotated[int, Meta(ge=1, le=1_000, description="Most runs that `catch_up` makes up for.")] = 10
    secret: Annotated[
        str, Meta(description="What the webhook's deliveries are signed with; else that of the project's `webhooks`.")
    ] = ""
    input: Annotated[str, Meta(description="What the agent is asked; the event itself where absent.")] = ""
    qos: Annotated[
        Literal["realtime", "batched", "background"],
        Meta(
            description="What becomes of events of a topic that the inbox has no room for: `realtime` loses the oldest,"
            " the others wait; `batched` hands over all that wait as one message."
        ),
    ] = "background"


class AgentFile(Section, frozen=True):
    """An agent, as its file describes it."""

    name: Annotated[Name, Meta(description="What the agent is called, and its id where a run names none.")]
    version: Annotated[Version | None, Meta(description="Semantic version of this definition, for people.")] = None
    description: Annotated[str, Meta(description="What the agent is for, in a sentence.")] = ""
    model: Annotated[
        str | ModelSpec | None, Meta(description="`provider/name`, or a mapping with settings and fallbacks.")
    ] = None
    handler: Annotated[
        str | None, Meta(description="A Python agent instead of the built-in loop: `./counter.py:Counter`.")
    ] = msgspec.field(default=None, name="class")
    instructions: Annotated[str, Meta(description="The system prompt.")] = ""
    tools: Annotated[
        tuple[str | dict[str, Any], ...],
        Meta(description="Names of built-in tools, `./tools.py:function`, or a name with its options."),
    ] = ()
    approve: Annotated[
        tuple[str, ...], Meta(description="Tools whose calls wait for a person's approval; `*` stands for any text.")
    ] = ()
    approvals: Approvals = Approvals()
    autonomy: Annotated[
        Literal["supervised", "semi", "autonomous"] | None,
        Meta(description="How much the agent may do by itself: levels of access to its wallet, compute and ctl."),
    ] = None
    permissions: Annotated[
        dict[str, Access],
        Meta(description="Levels of access by path of the agent's directory, such as `/goals: read_only`."),
    ] = {}
    budget: Budget = Budget()
    limits: Limits = Limits()
    stop: Annotated[tuple[str, ...], Meta(description="Texts at which the model stops writing.")] = ()
    strategy: Annotated[
        Literal["tools", "react"],
        Meta(description="`react` is a text protocol for models that cannot call tools."),
    ] = "tools"
    output: Annotated[
        str | dict[str, Any] | None, Meta(description="Shape of the answer: a JSON Schema, or `./module.py:Type`.")
    ] = None
    output_retries: Annotated[int, Meta(ge=0, le=20, description="How often a misshapen answer is sent back.")] = 2
    context: ContextWindow = ContextWindow()
    inbox: Inbox = Inbox()
    supervise: Annotated[Supervise | None, Meta(description="What happens when a run fails.")] = None
    while_waiting: Annotated[
        Literal["queue", "cancel"], Meta(description="What a new message does to a run that waits.")
    ] = "queue"
    on: Annotated[tuple[Trigger, ...], Meta(description="What wakes the agent besides messages.")] = ()
    team: Annotated[Team | None, Meta(description="Members that work on each task together, instead of one model.")] = (
        None
    )
    hot_reload: HotReload = HotReload()
    lifecycle: AgentLifecycle = AgentLifecycle()
    metadata: Annotated[dict[str, str], Meta(description="Labels of your own.")] = {}


class AgentSpec(AgentFile, frozen=True):
    """An agent's definition, ready to run.

    `folder` is where its relative paths start, itself relative to the project's root (POSIX). `document` is what the
    store keeps: the file as data, with its `${VARIABLES}` unfilled, so that no secret of the environment is written.
    """

    folder: str = "."
    document: bytes = b""

    @property
    def forgets(self) -> bool:
        """Whether an agent does not keep what it remembers when its definition has changed."""
        return self.lifecycle.reload.preserve_memory is False

    def __repr__(self) -> str:
        """Short, and without the keys that a model may carry."""
        return f"AgentSpec(name={self.name!r}, folder={self.folder!r}, digest={spec_digest(self)!r})"


def spec_document(spec: AgentSpec) -> bytes:
    """The spec as canonical JSON: equal for files that differ only in format, comments or the order of keys."""
    return spec.document or document_of("agent", spec.folder, as_written(spec))


def spec_digest(spec: AgentSpec) -> str:
    """32 hex digits that stand for the spec; a run keeps to the spec whose digest it began with."""
    return document_digest(spec_document(spec))


@lru_cache(256)
def document_digest(document: bytes) -> str:
    """The digest of a spec's document. It is asked for with every run, and nearly always of the same bytes."""
    return digest_bytes(document)


def as_written(spec: AgentFile) -> dict[str, Any]:
    """The spec as the mapping that a file would hold."""
    tree: dict[str, Any] = msgspec.to_builtins(spec, enc_hook=encode_amount)
    return {key: value for key, value in tree.items() if key not in ("folder", "document")}


def document_of(kind: str, folder: str, tree: Any) -> bytes:
    return _CANONICAL.encode({"kind": kind, "version": 1, "folder": folder, "spec": tree})


_CANONICAL = msgspec.json.Encoder(order="deterministic")
