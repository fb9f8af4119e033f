"""The runtime of one project: the verbs of the system, each in a file of its own, on one object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from perdure import control
from perdure.agents.programs import Library
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentSpec
from perdure.agents.targets import Target
from perdure.base.clock import Clock
from perdure.base.envelope import Envelope
from perdure.base.errors import ConfigError
from perdure.base.ids import Ids
from perdure.base.lazy import load
from perdure.kernel.engine import Engine
from perdure.kernel.records import Wait
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import Page, RunFilter, RunRow

from .changes import MountChanges
from .results import RunResult, result_of

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.agents.schedules import Schedule
    from perdure.bus.port import Published
    from perdure.compute.jobs.jobs import Jobs
    from perdure.compute.jobs.port import Provider
    from perdure.kernel.context import Context
    from perdure.kernel.life import LifeVerb
    from perdure.kernel.standing import BudgetLine
    from perdure.kernel.topics import QoS
    from perdure.namespace.identity.port import Keyring
    from perdure.namespace.levels import Access
    from perdure.namespace.namespace import Namespace
    from perdure.namespace.reaching import Files
    from perdure.tools.client import Given

    from .agents import AgentDetail, AgentSummary
    from .approvals import Approval
    from .bundle.importing import Imported, ImportMode
    from .capabilities import Capabilities
    from .channels import Channels
    from .checking import Check
    from .cleaning import Cleaned
    from .comparing import Comparison
    from .costs import By, Costs
    from .deletion import Deleted
    from .deploying import Deployed
    from .directory import Directory, Extra
    from .drivers.running import Drivers
    from .everywhere import Everywhere
    from .exporting import ExportFormat
    from .flows import FlowShelf
    from .handing import GoingOn
    from .keys import Key, NewKey
    from .listening import RunEvent
    from .listing import RunDetail, RunSummary
    from .metrics import Family
    from .once import Once
    from .overview import Overview
    from .planning import Plan
    from .publishing import Shelf
    from .reloading import Reloaded, Reloads
    from .replaying import Replay
    from .schedules import Planned
    from .spans import TraceNode
    from .starting import Runnable
    from .steps import StepState
    from .subscriptions import Subscribed
    from .topics import Topics
    from .verifying import Verification
    from .watching import Progress
    from .webhooks import Delivery, Webhook

DRIVERS = "perdure.control.drivers.running:Drivers"
MAY_CALL = "perdure.agents.permissions:may_call"


def _none() -> None:
    return None


def _nothing(_: object) -> Mapping[str, Any]:
    return {}


class _Reach:
    """The directory of a runtime, made when it is first used: most runs need none."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def files(self, ctx: Context) -> Files:
        return self._runtime.directory.files(ctx)

    async def may_call(self, agent_id: str, tool: str) -> bool:
        changes = await self._runtime.mount_changes.of(agent_id)
        return not changes or bool(load(MAY_CALL)(tool, changes))


class Runtime:
    """Runs agents of a project. Made by `perdure.open`, and closed with it."""

    def __init__(
        self,
        project: ProjectConfig,
        engine: Engine,
        library: Library,
        *,
        clock: Clock,
        ids: Ids,
        environment: Mapping[str, str],
        providers: Sequence[Provider] = (),
        keyring: Callable[[], Keyring | None] = _none,
        services: Extra = _nothing,
    ) -> None:
        self.project = project
        self.engine = engine
        self.library = library
        self.clock = clock
        self.ids = ids
        self.environment = environment
        self._keyring = keyring
        self._services = services
        self.mount_changes = MountChanges(engine.store)
        library.reach = _Reach(self)
        library.broker = lambda: self.capabilities
        engine.demote = self._demoted
        self.undeployed: dict[str, ConfigError] = {}
        """Files of agents that could not be deployed, and why."""
        engine.published = self.heard
        engine.listening = self.listen
        self._providers = providers

    @property
    def store(self) -> Store:
        return self.engine.store

    @cached_property
    def drivers(self) -> Drivers:
        """What brings agents what happens outside."""
        made: Drivers = load(DRIVERS)(self.deliver)
        return made

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of /compute, of all agents."""
        return control.computing.jobs_of(self, self._providers)

    async def close(self, grace_ms: float = 0) -> None:
        """Let what was begun beside the engine finish, at most `grace_ms`, then end it."""
        if "drivers" in self.__dict__:
            await self.drivers.stop()
        if "topics" in self.__dict__:
            await self.topics.close()
        if "jobs" in self.__dict__:
            await self.jobs.close(grace_ms)

    def spec(self, target: Target, overrides: Sequence[str] = ()) -> AgentSpec:
        """The checked spec of a target. Raises InvalidFile with everything that is wrong."""
        return self.library.spec(target, overrides)

    # -- what others may ask for by name -------------------------------------------------------------------------------

    @cached_property
    def shelf(self) -> Shelf:
        """The agents that the project publishes: the files in its folder `agents`."""
        return control.publishing.Shelf(self)

    async def publish_file(self, file: Path) -> AgentSpec:
        """Publish the agent of a file that is not in the folder `agents`, and let what its `on` says wake it."""
        return await control.publishing.publish_file(self, file)

    @cached_property
    def reloads(self) -> Reloads:
        """What takes changed files up while this process works."""
        return control.reloading.Reloads(self)

    async def reload(self) -> Reloaded:
        """Take up all files that have changed, and tell which those are; a wrong one leaves what it was."""
        return await self.reloads.reload()

    @cached_property
    def flows(self) -> FlowShelf:
        """The flows that the project publishes: the files in its folder `flows`."""
        return control.flows.FlowShelf(self)

    def accept(
        self,
        input: Any,
        *,
        spec: str = "",
        agent: str = "",
        key: str = "",
        who: str = "operator",
        traceparent: str = "",
        tracestate: str = "",
    ) -> Coroutine[Any, Any, RunRow]:
        """Accept `input` for a published `spec`, or for the `agent` of this id; it is on disk when this returns, and
        the same idempotency `key` again gives the same run. `traceparent` and `tracestate` (W3C) put the run into a
        trace."""
        return control.accepting.accept(
            self, input, spec=spec, agent=agent, key=key, who=who, traceparent=traceparent, tracestate=tracestate
        )

    async def hand_back(self, given: Mapping[str, Given], *, spec: str, who: str = "operator") -> GoingOn | None:
        """Give a run that waits for the client's own tools what their calls gave, by the ids of the calls."""
        return await control.handing.hand_back(self, given, spec=spec, who=who)

    @cached_property
    def channels(self) -> Channels:
        """What runs of this process say, for whoever hears them."""
        return control.channels.Channels(self.engine.live)

    def hear(
        self, run: RunRow | str, *, after: int = 0, until: Awaitable[Any] | None = None
    ) -> AsyncIterator[RunEvent]:
        """Everything that happens in a run behind the cursor `after`, what has happened already first, to its end or
        until `until` is done."""
        return control.hearing.hear(self, run, after=after, until=until)

    @cached_property
    def everywhere(self) -> Mapping[bool, Everywhere]:
        """What all runs say, with the text of answers under way and without."""
        return {text: control.everywhere.Everywhere(self, text=text) for text in (True, False)}

    def hear_all(self, *, agent: str = "", after: int | None = None, text: bool = True) -> AsyncIterator[RunEvent]:
        """Everything that happens in all runs, or in those of an agent, behind the cursor `after` (None: from now on).
        It has no end."""
        return control.everywhere.hear_all(self, agent=agent, after=after, text=text)

    # -- the namespace ------------------------------------------------------------------------------------------------

    @cached_property
    def keyring(self) -> Keyring | None:
        """The keys of agents, loaded when the first is asked for."""
        return self._keyring()

    @cached_property
    def directory(self) -> Directory:
        """The directories of all agents."""
        return control.directory.Directory(self, self._services)

    @property
    def namespace(self) -> Namespace:
        """The operator's tree: `/agents/<id>/status`, `/agents/<id>/inbox`, …"""
        return self.directory.tree

    async def namespace_of(self, agent_id: str) -> Namespace:
        """What an agent sees and may do itself: `/status`, `/inbox`, … Raises AgentNotFound."""
        return await self.directory.view(agent_id)

    def _demoted(self, agent_id: str, paths: tuple[str, ...]) -> None:
        """A supervisor took paths from an agent; whoever uses them is cut off at once."""
        self.mount_changes.forget(agent_id)
        if "directory" in self.__dict__:
            self.directory.take(agent_id, paths)

    async def change_mount(self, agent: str, path: str, access: Access | None, *, who: str = "operator") -> None:
        """Give a path of an agent's directory, such as `/goals` or `/tools/http`, another access level at once; None
        gives back what its spec says. Raises AgentNotFound, InvalidPath and InputError."""
        await control.mounting.change_mount(self, agent, path, access, who=who)

    # -- running ------------------------------------------------------------------------------------------------------

    async def run(
        self, target: Runnable, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> RunResult:
        """Send `input` to an agent and wait until the run ends, yields, or waits for a person.

        `agent` names a durable agent, so that a conversation goes on; without it a new one comes to be.
        """
        return await self.wait(await self.start(target, input, agent=agent, overrides=overrides))

    async def start(
        self,
        target: Runnable,
        input: Any,
        *,
        agent: str | None = None,
        overrides: Sequence[str] = (),
        envelope_id: str | None = None,
        stepwise: bool = False,
    ) -> RunRow:
        """Accept `input`; it is on disk when this returns. The same `envelope_id` again gives the same run. A flow that
        goes `stepwise` asks before each step."""
        return await control.starting.start(
            self,
            target,
            input,
            agent=agent,
            overrides=overrides,
            envelope_id=envelope_id,
            stepwise=stepwise,
        )

    async def wait(self, run: RunRow | str, *, beyond: Sequence[Wait] = ()) -> RunResult:
        """Wait until a run ends, yields, is paused, or waits for a person: for something else than `beyond`, the waits
        of a result that have been answered since."""
        row = await control.finding.find_run(self.store, run) if isinstance(run, str) else run
        while True:
            result = result_of(await self.engine.rest(row), self.clock.now())
            if not beyond or result.waits != tuple(beyond):
                return result
            # Another process holds the agent, and has not taken the answer in yet.
            await self.clock.sleep(self.engine.settings.poll_ms)

    async def look(self, run_id: str) -> RunResult:
        """A run as it stands, without waiting."""
        row = await control.finding.find_run(self.store, run_id)
        return result_of(await self.engine.ended(row), self.clock.now())

    def stream(
        self, target: Runnable, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> AsyncIterator[RunEvent]:
        """Send `input` and hear what happens: text as it comes, tool calls, and the result last."""
        return control.listening.stream(self, target, input, agent=agent, overrides=overrides)

    def follow(self, run_id: str, rest: Awaitable[RunResult]) -> AsyncIterator[RunEvent]:
        """Hear what happens in a run, from now until `rest`, such as `rt.resume(run_id)`, has come to its result."""
        return control.listening.follow(self, run_id, rest)

    # -- moving runs on -----------------------------------------------------------------------------------------------

    async def resume(self, run_id: str, *, who: str = "operator", wait: bool = True) -> RunResult:
        """Go on with a run that was interrupted, yielded, paused or failed; without `wait` it is only told to."""
        return await control.commands.resume(self, run_id, who=who, wait=wait)

    async def cancel(self, run_id: str, *, who: str = "operator") -> RunResult:
        """End a run and its children; tools under way are cancelled."""
        return await control.commands.cancel(self, run_id, who=who)

    async def pause(self, run_id: str, *, who: str = "operator") -> RunResult:
        """Let nothing new begin in a run until it is resumed."""
        return await control.commands.pause(self, run_id, who=who)

    async def approve(
        self, run_id: str, answer: Any = "approve", *, key: str = "", why: str = "", who: str = "operator"
    ) -> RunRow:
        """Answer what a run asks a person (`key` where it asks several things)."""
        return await control.decisions.answer(self, run_id, answer, key=key, who=who, why=why)

    async def approvals(self, *, agent: str = "", limit: int = 50, cursor: str = "") -> Page[Approval]:
        """What runs ask people, of the newest first: of one agent, or of all."""
        return await control.approvals.list_approvals(self, agent=agent, limit=limit, cursor=cursor)

    async def approval(self, which: str, *, key: str = "") -> Approval:
        """The question with this id, or the one that the run of this id asks (`key` where it asks several things)."""
        return await control.approvals.find_approval(self, which, key=key)

    async def decide(self, approval_id: str, answer: Any, *, why: str = "", who: str = "operator") -> Approval:
        """Answer exactly the question with this id, once."""
        return await control.approvals.decide(self, approval_id, answer, who=who, why=why)

    async def deny(self, run_id: str, *, key: str = "", why: str = "", who: str = "operator") -> RunRow:
        """Refuse what a run asks to do."""
        return await control.decisions.answer(self, run_id, "deny", key=key, who=who, why=why)

    async def resolve(
        self,
        run_id: str,
        key: str,
        how: Literal["done", "retry", "fail"],
        *,
        value: Any = None,
        why: str = "",
        who: str = "operator",
    ) -> RunRow:
        """Say what became of an effect in doubt: it was `done` with this value, `retry` it, or it is to `fail`."""
        return await control.decisions.resolve(self, run_id, key, how, value=value, why=why, who=who)

    async def set_budget(self, scope: str, limit_microusd: int | None, *, who: str = "operator") -> BudgetLine:
        """Give a budget another limit than its file says (None: the file's again); runs that wait for it go on."""
        return await control.budgets.set_budget(self, scope, limit_microusd, who=who)

    async def fork(
        self,
        run_id: str,
        at: str,
        *,
        overrides: Sequence[str] = (),
        live: bool = False,
        target: Runnable | None = None,
    ) -> RunRow:
        """A new run that shares the records before `at`, a key or the place of a flow's step, on an agent of its own;
        with a `target` it goes on as that says, such as the edited file of a flow."""
        return await control.forking.fork(self, run_id, at, overrides=overrides, live=live, target=target)

    async def steps(self, run_id: str) -> list[StepState]:
        """The steps of a flow's run so far, with their results. Raises InputError for the run of an agent."""
        return await control.steps.steps(self, run_id)

    async def replay(self, run_id: str) -> Replay:
        """Execute a run again against its journal, touching nothing, and say where it would go another way."""
        return await control.replaying.replay(self, run_id)

    def resume_all(self, *, watch: bool = False) -> AsyncIterator[Progress]:
        """Go on with every run that nobody works at, and tell how each comes out; with `watch`, for ever."""
        return control.watching.resume_all(self, watch=watch)

    # -- what wakes agents --------------------------------------------------------------------------------------------

    async def deploy(self, target: Target, *, agent: str | None = None, overrides: Sequence[str] = ()) -> Deployed:
        """Let an agent be there, of this spec from its next run on, woken by what its `on` says."""
        return await control.deploying.deploy(self, self.spec(target, overrides), agent=agent)

    async def check(self) -> Check:
        """What the files as they are now would break of what is under way; asks nobody, writes nothing."""
        return await control.checking.check(self)

    async def compare(self, old: AgentSpec, new: AgentSpec) -> Comparison:
        """What differs between two definitions of an agent, and what that means for cost, rights and runs."""
        return await control.comparing.compare(self, old, new)

    async def deliver(self, envelope: Envelope) -> RunRow:
        """Accept an envelope for an agent that there is; it is on disk when this returns, and never accepted twice:
        again it gives the run that it began."""
        return await control.delivering.deliver(self, envelope)

    async def webhook(self, agent: str, source: str) -> Webhook:
        """How deliveries of this source to an agent are signed. Raises NoSuchRoute where it takes none."""
        return await control.webhooks.find_webhook(self, agent, source)

    async def take_in(self, webhook: Webhook, delivery: Delivery) -> RunRow:
        """Accept a delivery whose signature is right; it is on disk when this returns, and accepted once."""
        return await control.webhooks.take_in(self, webhook, delivery)

    def webhook_source(self, source: str) -> Webhook:
        """How deliveries of this source, which are published, are signed. Raises NoSuchRoute where none are."""
        return control.webhooks.find_source(self, source)

    async def publish_delivery(self, webhook: Webhook, delivery: Delivery, *, traceparent: str = "") -> Published:
        """Publish a delivery whose signature is right, on the topic of its source, once."""
        return await control.webhooks.publish(self, webhook, delivery, traceparent=traceparent)

    async def schedules(self, agent: str) -> list[Planned]:
        """An agent's schedules, the next to come first."""
        return await control.schedules.planned(self, agent)

    async def schedule(self, agent: str, schedule: Schedule, *, id: str = "") -> Planned:
        """Set a schedule for an agent that there is, or replace the one of this id."""
        return await control.schedules.plan(self, agent, schedule, id=id)

    async def unschedule(self, agent: str, id: str) -> bool:
        """Drop a schedule; False where there is none of this id."""
        return await control.schedules.drop(self, agent, id)

    # -- topics -------------------------------------------------------------------------------------------------------

    @cached_property
    def topics(self) -> Topics:
        """Topics between agents: publish, request, hear, and read again."""
        return control.topics.Topics(self)

    async def publish(self, topic: str, payload: Any, **more: Any) -> Published:
        """Publish an event; see `Topics.publish` for what more can be said."""
        return await self.topics.publish(topic, payload, **more)

    @cached_property
    def capabilities(self) -> Capabilities:
        """What programs beside the server offer, called by name."""
        return control.capabilities.Capabilities(self)

    def heard(self) -> None:
        """The log or the subscriptions changed, by the doing of this process."""
        if "topics" in self.__dict__:
            self.topics.heard()

    def listen(self) -> None:
        """A run of this process waits for an event: it is to hear it also where nobody takes over what lies idle."""
        self.topics.listen()

    async def subscriptions(self, agent: str = "") -> list[Subscribed]:
        """What agents hear: all of them, or one."""
        return await control.subscriptions.list_subscriptions(self, agent)

    async def subscribe(self, agent: str, pattern: str, *, qos: QoS = "background", input: str = "") -> Subscribed:
        """Let events of these topics begin runs of an agent, from now on."""
        return await control.subscriptions.subscribe(self, agent, pattern, qos=qos, input=input)

    async def unsubscribe(self, agent: str, id: str) -> bool:
        """End a subscription; False where there is none of this id."""
        return await control.subscriptions.unsubscribe(self, agent, id)

    # -- reading ------------------------------------------------------------------------------------------------------

    async def plan(
        self, target: Target, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> Plan:
        """What `run` would do and cost with the same arguments; asks nobody, writes nothing."""
        return await control.planning.plan(self, target, input, agent=agent, overrides=overrides)

    async def runs(
        self, *, agent: str = "", status: Sequence[str] = (), since_ms: int = 0, limit: int = 20, cursor: str = ""
    ) -> Page[RunSummary]:
        """Runs, the newest first: of one agent, in these states, accepted at `since_ms` or later."""
        return await control.listing.list_runs(
            self, agent=agent, status=status, since_ms=since_ms, limit=limit, cursor=cursor
        )

    async def show(self, run_id: str) -> RunDetail:
        """Everything about one run but its course."""
        return await control.listing.show_run(self, run_id)

    async def interrupted(self) -> list[RunSummary]:
        """Runs that should be at work and that nobody works at."""
        return await control.listing.interrupted(self)

    async def trace(self, run_id: str, *, full: bool = False) -> TraceNode:
        """A run's course as a tree; with `full`, the questions to models are rebuilt and proven."""
        return await control.tracing.trace(self, run_id, full=full)

    async def costs(self, by: By = "day", *, since_ms: int = 0, until_ms: int | None = None) -> Costs:
        """What was spent between two times (ms UTC): by run, agent, model or day."""
        return await control.costs.costs(self, by, since_ms=since_ms, until_ms=until_ms)

    async def overview(self, *, limit: int = 20) -> Overview:
        """What goes on just now: open runs, the busiest agents, and the rates of the last minute."""
        return await control.overview.overview(self, limit=limit)

    async def metrics(self) -> list[Family]:
        """How much there is, how much was done here, and how long it took."""
        return await control.metrics.metrics(self)

    async def verify(self, target: str | None = None) -> Verification:
        """Recompute the hash chain of an agent, of a run's agent, or of all."""
        return await control.verifying.verify(self, target)

    def export(
        self,
        run_ids: Sequence[str] = (),
        *,
        filter: RunFilter | None = None,
        format: ExportFormat = "jsonl",
        include_tools: bool = True,
        include_thoughts: bool = False,
    ) -> AsyncIterator[str]:
        """Runs as text, in pieces: `json`, `jsonl` or `csv`."""
        return control.exporting.export_runs(
            self,
            run_ids,
            filter=filter,
            format=format,
            include_tools=include_tools,
            include_thoughts=include_thoughts,
        )

    async def export_cassette(self, run_id: str) -> bytes:
        """The answers of a run's models, as a fixture for tests."""
        return await control.cassettes.export_cassette(self, run_id)

    async def budgets(self, which: str = "") -> list[BudgetLine]:
        """What may be spent and what is: everywhere, or in one scope, by an agent, or on all that a run draws on."""
        return await control.budgets.budgets(self, which)

    async def budget_warnings(self, run_id: str) -> list[str]:
        """What a run told of budgets that are nearly spent."""
        return await control.budgets.warnings(self, run_id)

    # -- agents --------------------------------------------------------------------------------------------------------

    async def create(
        self, target: Target, *, agent: str | None = None, overrides: Sequence[str] = (), who: str = "operator"
    ) -> AgentSummary:
        """Make an agent without sending it a message; a Python agent's `on_create` runs now."""
        return await control.agents.create(self, self.spec(target, overrides), agent=agent, who=who)

    async def agents(self, *, status: Sequence[str] = (), limit: int = 20, cursor: str = "") -> Page[AgentSummary]:
        """Agents in order of their ids: those in these states."""
        return await control.agents.list_agents(self, status=status, limit=limit, cursor=cursor)

    async def show_agent(self, agent_id: str) -> AgentDetail:
        """Everything about one agent but its runs."""
        return await control.agents.show_agent(self, agent_id)

    async def change(self, agent_id: str, verb: LifeVerb, *, why: str = "", who: str = "operator") -> AgentSummary:
        """Start, wake, stop, hibernate or terminate an agent."""
        return await control.agents.change(self, agent_id, verb, who=who, why=why)

    async def tick(self, agent_id: str, *, reason: str = "", who: str = "operator") -> RunRow:
        """Let an agent take a turn now."""
        return await control.agents.tick(self, agent_id, who=who, reason=reason)

    async def send(self, agent_id: str, input: Any, *, who: str = "operator") -> RunRow:
        """Send something to an agent that there is; `wait` for the run that it begins."""
        return await control.agents.send(self, agent_id, input, who=who)

    async def export_agent(self, agent_id: str) -> bytes:
        """All of an agent as one file; unchanged, it has the same bytes every time."""
        return await control.bundle.export_agent(self, agent_id, pubkey=await self.directory.pubkey(agent_id))

    async def import_agent(
        self, data: bytes, *, mode: ImportMode = "restore", agent: str | None = None, who: str = "operator"
    ) -> Imported:
        """Put an exported agent into this project: `restore`, `clone` or `merge`."""
        return await control.bundle.import_agent(self, data, mode=mode, agent=agent, who=who)

    # -- who may ------------------------------------------------------------------------------------------------------

    async def add_key(
        self,
        id: str,
        scopes: Collection[str],
        *,
        expires_in_ms: int | None = None,
        pubkey: str = "",
        who: str = "operator",
    ) -> NewKey:
        """Make an API key for the server; its text is in the result, and nowhere else. With a `pubkey` there is none:
        requests that its holder signs are let in."""
        return await control.keys.add_key(self, id, scopes, expires_in_ms=expires_in_ms, pubkey=pubkey, who=who)

    async def keys(self) -> list[Key]:
        """All API keys and sessions of browsers, in order of their ids."""
        return await control.keys.list_keys(self)

    async def revoke_key(self, id: str) -> None:
        """Let a key or session open nothing from now on, in whatever process."""
        await control.keys.revoke_key(self, id)

    @cached_property
    def once(self) -> Once:
        """What is good for one use."""
        return control.once.Once(self.store, self.clock)

    # -- keeping ------------------------------------------------------------------------------------------------------

    async def delete_run(self, run_id: str) -> Deleted:
        """Forget a run that has ended, and its agent where it has no other."""
        return await control.deletion.delete_run(self, run_id)

    async def delete_agent(self, agent_id: str) -> Deleted:
        """Forget an agent with everything of it; all its runs have to have ended."""
        return await control.deletion.delete_agent(self, agent_id)

    async def gc(self, *, older_than_ms: int | None = None) -> Cleaned:
        """Remove what nothing refers to, and runs that ended longer ago than `older_than_ms`."""
        return await control.cleaning.gc(self, older_than_ms=older_than_ms)
