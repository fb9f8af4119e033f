"""From specs to programs: what a stored definition means to the engine, made once and kept."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from perdure.base.errors import ConfigError, UnknownSpec
from perdure.base.lazy import load
from perdure.compute.gateway import Gateway
from perdure.kernel.budgets import BudgetRules
from perdure.kernel.context import Context as KernelContext
from perdure.kernel.program import Handler, Program
from perdure.kernel.supervision import Supervision
from perdure.namespace.context import Context, Reach
from perdure.tools.load import load_file
from perdure.tools.port import Tool
from perdure.tools.registry import resolve_all

from .amounts import whole
from .config.loader import load_document
from .loop import converse
from .project import ProjectConfig
from .recent import Recent
from .setup import Setup
from .spec import AgentSpec, Budget, Supervise, document_digest, spec_document
from .targets import Target, spec_of

if TYPE_CHECKING:
    from perdure.tools.capability import Broker
    from perdure.tools.fetch.port import Fetch

    from .output import Shape
    from .python import Agent

AGENT = "perdure.agents.python:Agent"
CAPABILITY = "capability"
DRIVE = "perdure.agents.python:drive"
GRANTS = "perdure.agents.permissions:grants"
OFFERS = "perdure.agents.offers:converse_with_offers"
"""The loop of an agent that has a capability among its tools."""
SHAPE = "perdure.agents.output:Shape"
TEXT_PROTOCOL = "perdure.agents.react:TextProtocol"

Handle: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]
"""A handler that takes the context which also reaches files."""
KEPT = 1_024
"""Programs kept in memory; the rest are made again from the store."""


class Library:
    """All programs of a project. `given` are live Python objects by the reference that specs name them with."""

    def __init__(
        self,
        project: ProjectConfig,
        *,
        gateway: Gateway,
        fetch: Fetch,
        environment: Mapping[str, str],
        read: Callable[[str], Awaitable[bytes | None]],
    ) -> None:
        self.given: dict[str, Any] = {}
        self.reach: Reach | None = None
        """The directories of agents, given by whoever puts them together."""
        self.broker: Callable[[], Broker] | None = None
        """The way to what programs offer, given likewise."""
        self._recent = Recent()
        self.project = project
        self.gateway = gateway
        self.fetch = fetch
        self.environment = environment
        self._read = read
        self._programs: OrderedDict[str, Program] = OrderedDict()

    async def program(self, digest: str) -> Program:
        """The program of a stored spec. Raises UnknownSpec, and ConfigError where it can no longer be made."""
        known = self._programs.get(digest)
        if known is not None:
            return known
        return self._keep(digest, self.make(await self.defined(digest)))

    def spec(self, target: Target, overrides: Sequence[str] = ()) -> AgentSpec:
        """The checked spec of a target. Raises InvalidFile with everything that is wrong."""
        return spec_of(
            target, project=self.project, given=self.given, environment=self.environment, overrides=overrides
        )

    async def find(self, target: Any) -> tuple[str, bytes, Program]:
        """What a handler names to begin a child run: a target, or the digest of a stored spec."""
        if isinstance(target, str) and re.fullmatch("[0-9a-f]{32}", target):
            return target, await self._read(target) or b"", await self.program(target)
        return self.add(self.spec(target))

    def definition(self, target: Any, overrides: Sequence[str] = ()) -> Any:
        """What a target describes: the spec of an agent, or of something else that can be run."""
        return self.spec(target, overrides)

    def add(self, spec: Any) -> tuple[str, bytes, Program]:
        """A definition's digest, its document to store, and its program."""
        document = self.document(spec)
        digest = document_digest(document)
        program = self._programs.get(digest) or self._keep(digest, self.make(spec))
        return digest, document, program

    def renew(self, spec: AgentSpec) -> None:
        """Make the spec's program again, as its Python files may not be what they were; where that cannot be done the
        one that there is stays. Raises ConfigError and AuthFailed."""
        self._keep(document_digest(spec_document(spec)), self.make(spec))

    async def stored(self, digest: str) -> AgentSpec:
        """The spec with this digest; what is no agent is told as one. Raises UnknownSpec."""
        return self.told(await self.defined(digest))

    def read(self, document: bytes) -> tuple[AgentSpec, Program]:
        """The spec that a document is of, and its program for rehearsals; the store need not know it."""
        definition = self.load(document)
        return self.told(definition), self.make(definition, rehearsal=True)

    def agent_class(self, spec: AgentSpec) -> type[Agent] | None:
        """The class of a Python agent, None for any other."""
        return None if spec.handler is None else self._agent_class(spec.handler, self.project.root / spec.folder)

    async def rehearsal(self, digest: str) -> Program:
        """A stored spec's program for replays only: it needs no key, as its model cannot be asked."""
        return self.make(await self.defined(digest), rehearsal=True)

    async def defined(self, digest: str) -> Any:
        """The definition with this digest. Raises UnknownSpec."""
        document = await self._read(digest)
        if document is None:
            raise UnknownSpec(f"no spec {digest} in the store", spec=digest)
        return self.load(document)

    # -- kinds of definitions -----------------------------------------------------------------------------------------

    def load(self, document: bytes) -> Any:
        """The definition that a stored document is of."""
        return load_document(document, environment=self.environment)

    def document(self, definition: Any) -> bytes:
        """The document that is stored of a definition."""
        return spec_document(definition)

    def told(self, definition: Any) -> AgentSpec:
        """A definition as those see it who deal with agents."""
        spec: AgentSpec = definition
        return spec

    def make(self, spec: Any, *, rehearsal: bool = False) -> Program:
        folder = self.project.root / spec.folder
        if spec.handler is not None:
            cls = self._agent_class(spec.handler, folder)
            return self.of_agent(spec, partial(load(DRIVE), cls=cls, forgets=spec.forgets), {})
        setup = self.setup(spec, rehearsal=rehearsal)
        sources = {name: tool.source_digest for name, tool in setup.tools.items() if tool.source_digest}
        handle: Handle = (
            load(OFFERS) if any(isinstance(one, dict) and CAPABILITY in one for one in spec.tools) else converse
        )
        return self.of_agent(spec, partial(handle, setup=setup), sources)

    def setup(self, spec: AgentSpec, *, rehearsal: bool = False) -> Setup:
        """The spec with its model, tools and prices. Raises ConfigError and AuthFailed for what is missing; a rehearsal
        asks no model, and so needs no key."""
        if spec.model is None:
            raise ConfigError(
                f"{spec.name} has no model", hint="Give it `model: provider/name`, or the project `defaults.model`."
            )
        if rehearsal:
            asker = self.gateway.rehearsal(spec.model)
        elif spec.strategy == "react":
            asker = self.gateway.asker(spec.model, load(TEXT_PROTOCOL))
        else:
            asker = self.gateway.asker(spec.model)
        recent = Recent() if rehearsal else self._recent
        tools, shape = self.tools(spec), self.shape(spec)
        return Setup(spec, asker, tools, shape, recent=recent, rehearsal=rehearsal)

    def of_agent(self, spec: AgentSpec, handle: Handle, sources: dict[str, str]) -> Program:
        """The program of an agent: its handler under the rules of its spec. `sources` are digests of its tools."""

        return Program(
            self.working(handle),
            attempts=spec.limits.attempts,
            per_run=whole(spec.budget.per_run),
            per_tick=whole(spec.budget.per_tick),
            per_day=whole(spec.budget.per_day),
            spending=budget_rules(spec.budget),
            while_waiting=spec.while_waiting,
            capacity=spec.inbox.capacity,
            policy=spec.inbox.policy,
            tools=sources,
            supervision=None if spec.supervise is None else _supervision(spec.supervise),
        )

    def working(self, handle: Handle) -> Handler:
        """A handler that also reaches files, as the kernel calls it."""

        def work(ctx: KernelContext) -> Coroutine[Any, Any, Any]:
            return handle(Context(ctx, self.reach))

        return work

    def tools(self, spec: AgentSpec) -> dict[str, Tool]:
        """The tools that the spec grants, by name: those that its `permissions` do not close."""
        entries = (self.given.get(entry, entry) if isinstance(entry, str) else entry for entry in spec.tools)
        folder = self.project.root / spec.folder
        found = resolve_all(entries, folder=folder, fetch=self.fetch, broker=self.broker)
        if not spec.permissions:
            return found
        grants = load(GRANTS)
        return {name: tool for name, tool in found.items() if grants(spec, name)}

    def shape(self, spec: AgentSpec) -> Shape | None:
        """The shape that answers are to have."""
        if spec.output is None:
            return None
        schema = spec.output
        if not isinstance(schema, dict):
            schema = _schema_of(self._find(schema, self.project.root / spec.folder))
        shape: Shape = load(SHAPE)(schema, spec.output_retries)
        return shape

    def _agent_class(self, reference: str, folder: Path) -> type[Agent]:
        found = self._find(reference, folder)
        if not (isinstance(found, type) and issubclass(found, load(AGENT))):
            raise ConfigError(f"{reference} is not a subclass of perdure.Agent")
        return found

    def _find(self, reference: str, folder: Path) -> Any:
        """The object that `./file.py:Name` or `package.module:Name` stands for."""
        if reference in self.given:
            return self.given[reference]
        place, _, name = reference.rpartition(":")
        try:
            found: Any = load_file(folder / place) if place.endswith(".py") else import_module(place)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(f"{reference} cannot be found: {error}") from error
        return found

    def _keep(self, digest: str, program: Program) -> Program:
        self._programs[digest] = program
        if len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        return program


def budget_rules(budget: Budget) -> BudgetRules:
    return BudgetRules(
        whole(budget.approval_threshold), budget.approvers, budget.warn_at, budget.on_exceeded, budget.unknown_usage
    )


def _schema_of(type_: Any) -> dict[str, Any]:
    if hasattr(type_, "model_json_schema"):
        schema: dict[str, Any] = type_.model_json_schema()
        return schema
    return msgspec.json.schema(type_)


def _supervision(said: Supervise) -> Supervision:
    """The rules of a spec, as the kernel knows them."""
    return Supervision(
        restart=said.restart,
        backoff_ms=Supervision().backoff_ms if said.backoff is None else int(said.backoff),
        then=said.then,
        on=said.on,
        throttle=said.throttle,
        escalate_to=said.escalate_to,
        demote=said.demote,
    )
