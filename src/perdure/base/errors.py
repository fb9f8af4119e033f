"""Every error Perdure raises on purpose, as one tree.

    PerdureError
    ├── InputError                 the caller handed in something unusable
    ├── ConfigError                a file or setting is wrong
    │   ├── InvalidFile
    │   ├── MissingVariable
    │   ├── UnknownProvider
    │   ├── UnknownSpec, SpecNotFound
    │   ├── NotSupported
    │   └── MissingDependency
    ├── ModelError                 a model could not answer
    │   ├── AuthFailed, RateLimited, InvalidRequest, ContextTooLong, ContentFiltered
    │   ├── ModelNotFound, Overloaded, ModelTimeout, Unreachable, BrokenStream
    │   └── InvalidAnswer
    ├── ComputeError               a job of /compute
    │   ├── UnsupportedKind, NoProviderAvailable
    │   ├── IdempotencyRequired, MaxCostRequired
    │   └── JobNotFound, JobCancelled, JobInterrupted
    ├── ToolError                  a tool could not do its work
    │   ├── InvalidArguments, ToolTimeout, ToolFailed, ToolDenied
    │   └── InvalidResult
    ├── BudgetError                money
    │   ├── BudgetExceeded, ApprovalRequired, BudgetDenied, NotAnApprover
    │   └── UnpricedModel
    ├── RunError                   a run cannot go on, or not like this
    │   ├── RunNotFound, WrongState
    │   ├── ApprovalNotFound, ApprovalChanged, ApprovalDecided, ApprovalExpired
    │   ├── AgentNotFound, AgentExists, AgentAtRest, AgentTerminated
    │   ├── ReplayDivergence, EffectFailed, Interrupted
    │   ├── DeadlineExceeded, LimitReached, ClientSilent
    │   ├── FlowError
    │   │   ├── ExpressionFailed, WrongResult, StepTimeout
    │   │   └── LoopLimit, NotEnough, NotUndone
    │   └── TeamError              members of a team
    │       └── MembersMissing, Undecided, TeamStopped, NotOfTeam
    ├── BusError                   topics between agents
    │   └── BusFull, NoAnswer, Disconnected
    ├── IdentityError              an agent's key
    │   └── UnsafeKey, Undecryptable
    ├── FileError                  a path of the namespace
    │   ├── InvalidPath, NoSuchFile, FileExists, FileDenied
    │   ├── NotADirectory, IsADirectory, DirectoryNotEmpty
    │   └── FileUnsupported, FileNotReady, FileTooLarge, FileClosed
    ├── BundleError                an agent as a file
    │   ├── InvalidBundle, BundleTooLarge
    │   └── IncompatibleBundle, BundleConflict
    ├── DaemonError                a process that serves in the background
    │   └── DaemonRunning, DaemonNotFound, DaemonNotRunning, DaemonFailed
    ├── RequestError               what was sent to the server
    │   ├── Malformed, WrongMediaType, TooLarge, HeadTooLarge, SlowRequest, KeyReused
    │   ├── NoSuchRoute, WrongMethod, PreconditionFailed, RangeNotSatisfiable
    │   ├── Unauthorized, BadSignature, Replayed, Forbidden, MissingScope
    │   ├── KeyNotFound, KeyTaken
    │   └── TooManyRequests, Busy, Stopping
    └── StoreError                 durable state
        ├── StoreBusy, StoreReadOnly, StoreFull, StoreCorrupt, StoreTooNew, StoreClosed
        └── GuardFailed
            └── Fenced, Held, KeyExists, VersionConflict, InboxFull

Each class has a stable `code` (part of the public contract), a `hint` that says what to do, and `retryable`,
true where the same request may succeed later unchanged. Facts are keyword arguments, kept in `facts`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .redaction import hide, hide_in


class PerdureError(Exception):
    """Base of every error that Perdure raises on purpose. `facts` are what was found, as plain data."""

    code: ClassVar[str] = "error"
    hint: str = ""
    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        if hint is not None:
            self.hint = hint
        if retryable is not None:
            self.retryable = retryable

    def as_dict(self) -> dict[str, Any]:
        """The error as `{code, message, hint, retryable, facts}`, without secrets: what a record, `--json` and HTTP
        show."""
        shown: dict[str, Any] = {"code": self.code, "message": hide(self.message)}
        if self.hint:
            shown["hint"] = hide(self.hint)
        if self.retryable:
            shown["retryable"] = True
        if self.facts:
            shown["facts"] = hide_in(self.facts)
        return shown


class InputError(PerdureError):
    code = "input.invalid"
    hint = "Correct the value and try again; nothing was accepted."


# -- configuration ----------------------------------------------------------------------------------------------------


class ConfigError(PerdureError):
    code = "config.invalid"
    hint = "Run `perdure validate` on the file; `perdure schema` prints what it may hold."


class InvalidFile(ConfigError):
    """A file with problems; `problems` lists all of them, each `file:line:column: path: what is wrong`."""

    code = "config.invalid_file"

    def __init__(self, message: str, *, problems: tuple[Any, ...] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.problems = problems


class MissingVariable(ConfigError):
    code = "config.missing_variable"
    hint = "Set the environment variable, or write ${NAME:-default} where one may be absent."


class UnknownProvider(ConfigError):
    code = "config.unknown_provider"
    hint = "Use provider/name, for example openai/gpt-5-mini, or {provider: compatible, base_url: …}."


class UnknownSpec(ConfigError):
    code = "config.unknown_spec"
    hint = "The spec that this run began with is not in the store; restore it from a backup or fork the run."


class SpecNotFound(ConfigError):
    code = "config.spec_not_found"
    hint = "Agents are published by files in the project's folder `agents`; GET /specs lists them."


class NotSupported(ConfigError):
    """Something that is known by name, and that this version cannot do."""

    code = "config.not_supported"
    hint = "A later version may; `perdure version` says which one this is."


class MissingDependency(ConfigError):
    code = "config.missing_dependency"


# -- models -----------------------------------------------------------------------------------------------------------


class ModelError(PerdureError):
    code = "model.failed"


class AuthFailed(ModelError):
    code = "model.auth"
    hint = "Check the API key of this provider, and that it may use this model."


class RateLimited(ModelError):
    """`retry_after` is in seconds, None where the provider did not say."""

    code = "model.rate_limited"
    hint = "Wait, lower the concurrency, or add a fallback model."
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class InvalidRequest(ModelError):
    code = "model.invalid_request"
    hint = "The provider refused the request as it stands; see its message."


class ModelNotFound(ModelError):
    code = "model.not_found"
    hint = "Check the model's name and the base_url."


class ContextTooLong(ModelError):
    code = "model.context_too_long"
    hint = "Set `context` in the agent's file to drop or summarise old messages, or use a model with a larger window."


class ContentFiltered(ModelError):
    code = "model.content_filter"
    hint = "The provider declined to answer this content."


class Overloaded(ModelError):
    code = "model.overloaded"
    hint = "The provider is overloaded; wait, or add a fallback model."
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class ModelTimeout(ModelError):
    code = "model.timeout"
    hint = "Raise the model's `timeout`, or use a faster model."
    retryable = True


class Unreachable(ModelError):
    code = "model.unreachable"
    hint = "Is the model server running, and is base_url right?"
    retryable = True


class BrokenStream(ModelError):
    code = "model.broken_stream"
    hint = "The connection broke in the middle of an answer; the call is made again as a whole."
    retryable = True


class InvalidAnswer(ModelError):
    code = "model.invalid_answer"
    hint = "The server answered with something that is not in its documented format."
    retryable = True


# -- jobs of /compute -------------------------------------------------------------------------------------------------


class ComputeError(PerdureError):
    code = "compute.failed"


class UnsupportedKind(ComputeError):
    code = "compute.unsupported_kind"
    hint = "Read /compute/providers to see what can be done here."


class NoProviderAvailable(ComputeError):
    """No provider may and can do it now; the fact `reasons` says of each why not."""

    code = "compute.no_provider"
    hint = "Read /compute/providers and /compute/policy, and the reasons given."


class IdempotencyRequired(ComputeError):
    code = "compute.idempotency_required"
    hint = "Add an idempotency_key to the request: another one for each job that is meant."


class MaxCostRequired(ComputeError):
    code = "compute.max_cost_required"
    hint = "Add max_cost_microusd to the request: the most that the job may cost."


class JobNotFound(ComputeError):
    code = "compute.job_not_found"
    hint = "List /compute/jobs to see which there are."


class JobCancelled(ComputeError):
    code = "compute.cancelled"


class JobInterrupted(ComputeError):
    """The process that did the job ended first. What it cost nobody knows, so all that was reserved is spent."""

    code = "compute.interrupted"
    hint = "Submit it again, under another idempotency key where it has one."
    retryable = True


# -- tools ------------------------------------------------------------------------------------------------------------


class ToolError(PerdureError):
    code = "tool.failed"


class InvalidArguments(ToolError):
    code = "tool.invalid_arguments"


class ToolTimeout(ToolError):
    code = "tool.timeout"
    hint = "Raise the tool's timeout, or give it less to do."


class ToolFailed(ToolError):
    """A tool raises this itself to say that it did nothing, so that it is safe to call again."""

    code = "tool.did_nothing"


class ToolDenied(ToolError):
    code = "tool.denied"


class InvalidResult(ToolError):
    code = "tool.invalid_result"
    hint = "Return text, numbers, lists, dicts, dataclasses, msgspec structs or parts."


# -- money ------------------------------------------------------------------------------------------------------------


class BudgetError(PerdureError):
    code = "budget"


class BudgetExceeded(BudgetError):
    code = "budget.exceeded"
    hint = "Raise the budget of the scope named, wait for its next period, or use a cheaper model."


class ApprovalRequired(BudgetError):
    """A job of /compute may cost more than the agent's `approval_threshold`, and it cannot wait for a person."""

    code = "budget.approval_required"
    hint = "Ask for less (max_tokens), do it as a call of the agent's own run, which waits, or raise the threshold."


class BudgetDenied(BudgetError):
    """Somebody who was asked did not agree to a spend above the agent's `approval_threshold`; `who` says who."""

    code = "budget.denied"
    hint = "`perdure resume RUN` asks again; or raise `approval_threshold`, or use a cheaper model."


class NotAnApprover(BudgetError):
    """The budget names its `approvers`, and whoever answered is none of them."""

    code = "budget.not_an_approver"
    hint = "One of the approvers named in the agent's file has to say; PERDURE_WHO says who you are."


class UnpricedModel(BudgetError):
    code = "budget.unpriced_model"
    hint = "Give the model a price: `price: {input: …, output: …}` in dollars per million tokens."


# -- runs -------------------------------------------------------------------------------------------------------------


class RunError(PerdureError):
    code = "run"


class RunNotFound(RunError):
    code = "run.not_found"
    hint = "`perdure runs list` shows the runs of this project."


class AgentNotFound(RunError):
    code = "agent.not_found"


class AgentExists(RunError):
    code = "agent.exists"
    hint = "Choose another id, or delete the agent first: `perdure agents delete ID`."


class AgentAtRest(RunError):
    """The agent is in a state of its life in which it cannot do this; `status` names it."""

    code = "agent.at_rest"
    hint = "`perdure agents wake ID` lets it work again."


class AgentTerminated(RunError):
    """The agent has come to its end: it takes no mail, and never works again."""

    code = "agent.terminated"
    hint = "Send it to another agent; `perdure agents delete ID` removes what is left of this one."


class ApprovalNotFound(RunError):
    code = "approval.not_found"


class ApprovalChanged(RunError):
    """The run does not ask for what was approved: `given` is the digest of that, `asked` are those of what it asks."""

    code = "approval.changed"
    hint = "Look at what it asks now, and decide on that."


class ApprovalDecided(RunError):
    """Somebody has decided already, and a decision counts once: `who`, `answer` and `at` (ms UTC) say how."""

    code = "approval.decided"
    hint = "To stop what was let happen, cancel the run."


class ApprovalExpired(RunError):
    """Nobody decided in time: the run went on as if it had been denied. `due` (ms UTC) says until when it waited."""

    code = "approval.expired"
    hint = "Ask the agent again; `approvals.expire` in its file says how long it waits."


class WrongState(RunError):
    code = "run.wrong_state"


class ReplayDivergence(RunError):
    """A handler asked something else under a key that the journal already answers."""

    code = "run.replay_divergence"
    hint = "The code changed under a run in flight: restore it, or `perdure fork` the run at the key named."


class EffectFailed(RunError):
    """An effect of this run failed; raised again on every replay, from its record."""

    code = "run.effect_failed"


class Interrupted(RunError):
    code = "run.interrupted"
    hint = "`perdure resume RUN` goes on where it stopped."


class DeadlineExceeded(RunError):
    code = "run.deadline_exceeded"
    hint = "Raise `limits.timeout`, or `perdure resume RUN` to go on with a fresh limit."


class LimitReached(RunError):
    """A run that is not to yield came to its limit of steps or tokens."""

    code = "run.limit_reached"
    hint = "Raise `limits.steps` or `limits.tokens` in the file."


class ClientSilent(RunError):
    """The client of this run was to call a tool of its own, and did not say in time what it gave."""

    code = "run.client_silent"
    hint = "Ask the agent again; `limits.client_timeout` in its file says how long it waits for a client."


class FlowError(RunError):
    """A flow cannot go on."""

    code = "flow.failed"
    hint = "`perdure trace RUN` shows the step; `on_error` and `retry` say what is to be done about it."


class ExpressionFailed(FlowError):
    """A `${…}` has no value."""

    code = "flow.expression"
    hint = (
        "`a ?? b` gives a default where something may be missing; `perdure flow check` finds most faults before a run."
    )


class WrongResult(FlowError):
    """What a step gave is not what its `output` says."""

    code = "flow.wrong_result"
    hint = "Correct what the step asks for, or its `output`; `retry` asks again."


class StepTimeout(FlowError):
    """A step took longer than its `timeout`, or a branch longer than `within`. What may have changed something was let
    finish first."""

    code = "flow.timeout"
    hint = "Raise the step's `timeout`; `retry` tries it again, `on_error` goes on without it."
    retryable = True


class LoopLimit(FlowError):
    """A loop would turn more often than its `limit`."""

    code = "flow.loop_limit"
    hint = "Raise the loop's `limit`, or look at why its condition does not change."


class NotEnough(FlowError):
    """Fewer branches succeeded than the step needs; `failures` says what became of the others."""

    code = "flow.not_enough"
    hint = "`perdure trace RUN` shows the branches; `need` says how many have to succeed."


class NotUndone(FlowError):
    """Steps that were done before the flow ended could not be undone; `steps` names them, `error` is why it ended."""

    code = "flow.not_undone"
    hint = "`perdure resume RUN` tries the first of them again; `perdure trace RUN` shows what was tried."


class TeamError(RunError):
    """A team cannot come to an answer."""

    code = "team.failed"
    hint = "`perdure trace RUN` shows what each member said."


class MembersMissing(TeamError):
    """Too few members answered; `absent` says why, by name."""

    code = "team.members_missing"
    hint = "See why each is missing; a longer `deadline`, or `perdure fork` at the stage, asks them again."


class Undecided(TeamError):
    """A vote that nobody has won, in a team that leaves it so."""

    code = "team.undecided"
    hint = "`votes.undecided` can leave it to the leader, the judge or a person."


class TeamStopped(TeamError):
    """A person did not let the team go on."""

    code = "team.stopped"
    hint = "`perdure fork RUN --at KEY` begins again from the stage."


class NotOfTeam(TeamError):
    """Somebody who is not the team wants to write into what it has learnt."""

    code = "team.not_of_team"
    hint = "Wins, losses and lessons are told by the runs of the team alone; anybody may `look`."


# -- bus --------------------------------------------------------------------------------------------------------------


class BusError(PerdureError):
    code = "bus"


class BusFull(BusError):
    """A subscriber takes nothing, and its QoS says that whoever publishes waits for it. No program heard the event."""

    code = "bus.full"
    hint = "Let the subscriber take its events, or subscribe with qos realtime, which loses the oldest instead."
    retryable = True


class NoAnswer(BusError):
    """Nobody answered a request in time."""

    code = "bus.no_answer"
    hint = "Does anybody subscribe to the topic? `perdure bus topics` shows who does; or raise the timeout."
    retryable = True


class Disconnected(BusError):
    """The server could not be reached for as long as the client was willing to try."""

    code = "bus.disconnected"
    hint = "Is the server running, and is this its address? What was sent with an id may be sent again with it."
    retryable = True


# -- identity ---------------------------------------------------------------------------------------------------------


class IdentityError(PerdureError):
    code = "identity"


class UnsafeKey(IdentityError):
    """A key that cannot be used: damaged, or where others may have read it."""

    code = "identity.unsafe_key"
    hint = "Make the file and its folder readable by their owner only; a key that leaked is to be replaced."


class Undecryptable(IdentityError):
    code = "identity.undecryptable"
    hint = "It was encrypted for another key, or changed on its way."


# -- files of the namespace -------------------------------------------------------------------------------------------


class FileError(PerdureError):
    """What is wrong with one path: the message is `path: why`, and `path` is among the facts, as it was asked for."""

    code = "file.failed"
    why: str = "it failed"

    def __init__(self, why: str = "", *, path: str = "", **facts: Any) -> None:
        self.why = why or self.why
        super().__init__(self.why, **facts)
        if path:
            self._name(path)

    def found_at(self, path: str) -> None:
        """Name the path, where none is named yet: who computes a file need not know where it stands."""
        if not self.facts.get("path"):
            self._name(path)

    def seen_from_above(self, place: str) -> None:
        """Name the path as it is seen by who has mounted the service at `place`."""
        path = self.facts.get("path")
        if path:
            self._name(place if path == "/" else f"{place.rstrip('/')}{path}")

    def seen_from_below(self, place: str) -> None:
        """Name the path as it is seen by who has only what is below `place`."""
        path = self.facts.get("path", "")
        if path == place or path.startswith(f"{place}/"):
            self._name(path[len(place) :] or "/")

    def _name(self, path: str) -> None:
        self.facts["path"] = path
        self.message = f"{path}: {self.why}"
        self.args = (self.message,)


class InvalidPath(FileError):
    code = "file.invalid_path"
    why = "it is not a path"
    hint = "Write an absolute path of plain names: /agents/support/status."


class NoSuchFile(FileError):
    code = "file.not_found"
    why = "there is no such file or directory"
    hint = "List the directory above it to see what there is."


class FileExists(FileError):
    code = "file.exists"
    why = "it is there already"
    hint = "Remove what is there first, or choose another name."


class FileDenied(FileError):
    code = "file.denied"
    why = "access denied"
    hint = "The mount table says what may be done where: read /mounts."


class NotADirectory(FileError):
    code = "file.not_a_directory"
    why = "it is not a directory"


class IsADirectory(FileError):
    code = "file.is_a_directory"
    why = "it is a directory"
    hint = "List it, or name a file in it."


class DirectoryNotEmpty(FileError):
    code = "file.directory_not_empty"
    why = "the directory is not empty"
    hint = "Remove what is in it first."


class FileUnsupported(FileError):
    """What this file can never do, whoever asks: watching a file that does not change, writing one that is computed."""

    code = "file.unsupported"
    why = "it cannot do that"


class FileNotReady(FileError):
    code = "file.not_ready"
    why = "it is not ready"
    hint = "Watch the file, or read it again later."
    retryable = True


class FileTooLarge(FileError):
    code = "file.too_large"
    why = "it is too large"


class FileClosed(FileError):
    code = "file.closed"
    why = "the file is closed"
    hint = "Open it again."


# -- bundles ----------------------------------------------------------------------------------------------------------


class BundleError(PerdureError):
    """An agent that was exported cannot be imported; nothing was changed."""

    code = "bundle"


class InvalidBundle(BundleError):
    code = "bundle.invalid"
    hint = "The file is damaged, or no export of an agent; export it again."


class BundleTooLarge(BundleError):
    code = "bundle.too_large"
    hint = "Import it with a higher limit, if you trust where it comes from."


class IncompatibleBundle(BundleError):
    """The bundle was written by a version of Perdure, or of the agent's code, that this one cannot take over from."""

    code = "bundle.incompatible"
    hint = "Upgrade Perdure or the agent's code here, or teach its state to migrate."


class BundleConflict(BundleError):
    """What the bundle holds, and what is here already, cannot both be; `conflicts` lists it."""

    code = "bundle.conflict"
    hint = "Import it as a clone, or into another project."


# -- processes --------------------------------------------------------------------------------------------------------


class DaemonError(PerdureError):
    code = "daemon"


class DaemonRunning(DaemonError):
    code = "daemon.running"
    hint = "Choose another --name, or stop it: perdure stop NAME."


class DaemonNotFound(DaemonError):
    code = "daemon.not_found"
    hint = "`perdure ps` lists those of the project; `perdure serve --daemon` starts one."


class DaemonNotRunning(DaemonError):
    code = "daemon.not_running"
    hint = "`perdure restart NAME` starts it as it was; `perdure logs NAME` tells what it said."


class DaemonFailed(DaemonError):
    """It was not ready when it ended; `said` are its last words."""

    code = "daemon.failed"
    hint = "Run the same without --daemon to see more."


# -- requests to the server -------------------------------------------------------------------------------------------


class RequestError(PerdureError):
    code = "request.invalid"
    hint = "GET /openapi.json says what may be sent."


class Malformed(RequestError):
    code = "request.malformed"
    hint = "Send one JSON value in UTF-8."


class WrongMediaType(RequestError):
    code = "request.media_type"
    hint = "Send JSON, with the header `Content-Type: application/json`."


class TooLarge(RequestError):
    code = "request.too_large"
    hint = "Send less, or raise `server.max_body` in the project's file."


class SlowRequest(RequestError):
    code = "request.timeout"
    hint = "The request did not arrive in time; send it again as a whole."
    retryable = True


class KeyReused(RequestError):
    code = "request.key_reused"
    hint = "An Idempotency-Key stands for one request: take another one for another request."


class NoSuchRoute(RequestError):
    code = "request.no_such_route"
    hint = "GET /openapi.json lists all routes."


class WrongMethod(RequestError):
    code = "request.method"


class PreconditionFailed(RequestError):
    code = "request.precondition"
    hint = "It was changed since: read it again, and send what `ETag` says then."


class RangeNotSatisfiable(RequestError):
    """The content has `size` bytes, none of which is asked for."""

    code = "request.range"
    hint = "Ask for bytes that there are, or for all of it."


class HeadTooLarge(RequestError):
    code = "request.head_too_large"
    hint = "Send fewer and shorter headers; what is long belongs into the body."


class Unauthorized(RequestError):
    code = "access.unauthorized"
    hint = "Send `Authorization: Bearer KEY`: one of `perdure keys add`, or the token in the file .perdure/token."


class BadSignature(Unauthorized):
    """A signed request that is not what was signed, or not of now; `server_time` is in ms."""

    code = "access.bad_signature"
    hint = "Sign method, path with query, time, nonce and body as they are sent, with a clock that is right."


class Replayed(Unauthorized):
    code = "access.replayed"
    hint = "A signature is good for one request: sign again with a new nonce."


class Forbidden(RequestError):
    code = "access.forbidden"
    hint = "List the names and origins that the server is reached by in `server.hosts` and `server.origins`."


class MissingScope(RequestError):
    """The key may do other things, and not this; `scope` names what it lacks."""

    code = "access.missing_scope"
    hint = "`perdure keys add NAME --scope …` makes a key that may."


class KeyNotFound(RequestError):
    code = "access.key_not_found"
    hint = "`perdure keys list` shows the keys of this project."


class KeyTaken(RequestError):
    code = "access.key_taken"
    hint = "Choose another name, or revoke the key that has it: `perdure keys revoke NAME`."


class TooManyRequests(RequestError):
    """The key asks more often than `server.rate` allows; `retry_after` is in seconds."""

    code = "access.rate"
    hint = "Ask less often, or raise `server.rate` in the project's file."
    retryable = True

    def __init__(self, message: str, *, retry_after: float, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class Busy(RequestError):
    code = "server.busy"
    hint = "Ask again in a moment, or raise `server.in_flight` in the project's file."
    retryable = True


class Stopping(RequestError):
    """The server stops before the answer is there. What it accepted is on disk, and goes on at its next start."""

    code = "server.stopping"
    hint = "Ask again in a moment; a run that was accepted goes on, and GET /runs/{run_id} shows it."
    retryable = True


# -- store ------------------------------------------------------------------------------------------------------------


class StoreError(PerdureError):
    code = "store"


class StoreBusy(StoreError):
    code = "store.busy"
    hint = "Another process holds the database; it frees it when its transaction ends."
    retryable = True


class StoreReadOnly(StoreError):
    code = "store.read_only"
    hint = "Make the project's .perdure folder and the files in it writable."


class StoreFull(StoreError):
    code = "store.full"
    hint = "Free space on the disk, then resume; what was acknowledged is safe."
    retryable = True


class StoreCorrupt(StoreError):
    code = "store.corrupt"
    hint = "Keep a copy of the file, then restore a backup, or recover it with `sqlite3 FILE .recover`."


class StoreTooNew(StoreError):
    code = "store.too_new"
    hint = "This file was written by a newer Perdure; upgrade, or open the backup made at its migration."


class StoreClosed(StoreError):
    code = "store.closed"


class GuardFailed(StoreError):
    """A commit's condition did not hold; nothing of that commit was written."""

    code = "store.guard_failed"


class Fenced(GuardFailed):
    code = "store.fenced"
    hint = "Another worker took this agent over; this one must let go."


class Held(GuardFailed):
    """Another live worker holds the agent; `owner` names it."""

    code = "store.held"


class KeyExists(GuardFailed):
    code = "store.key_exists"


class VersionConflict(GuardFailed):
    code = "store.version_conflict"


class InboxFull(GuardFailed):
    code = "inbox.full"
    hint = "The agent is behind; wait until it has worked some of its messages off."
    retryable = True


ERRORS: dict[str, type[PerdureError]] = {}
"""Every error class by its code, to raise again what a record tells."""


def _register(cls: type[PerdureError]) -> None:
    ERRORS.setdefault(cls.code, cls)
    for sub in cls.__subclasses__():
        _register(sub)


_register(PerdureError)
