"""The namespace put together: the directory of every agent, the operator's view of all, and each agent's of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from msgspec.structs import replace

from perdure.agents.amounts import whole
from perdure.agents.permissions import places, row_of
from perdure.agents.spec import AgentSpec
from perdure.base.errors import ConfigError, MissingDependency
from perdure.compute.service import RESTRICTED as COMPUTE_RESTRICTED
from perdure.kernel.budgets import agent_scopes, pool_scopes
from perdure.kernel.context import Context
from perdure.kernel.records import Record
from perdure.kernel.sanctions import SUPERVISOR
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.namespace.identity.service import identity
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Folder, Node, json_document
from perdure.namespace.path import Path, parse
from perdure.namespace.port import Change, Entry, FileService
from perdure.namespace.reaching import Files
from perdure.namespace.served import Served
from perdure.namespace.services.desk import Desk, Terms
from perdure.namespace.services.news import News
from perdure.namespace.services.tree import Service, agent_folder, place_of, services_of
from perdure.namespace.services.values import TYPES, kind_of
from perdure.namespace.services.watching import follow
from perdure.tools.port import Tool
from perdure.tools.service import tool_node, tools_node

from .computing import compute_of
from .finding import find_agent
from .mounting import OwnTable, Purse
from .ordering import order

if TYPE_CHECKING:
    from .runtime import Runtime

Extra: TypeAlias = Callable[[Desk], Mapping[str, Service]]
"""Services that other layers add to every agent's directory, by their names there."""

RESTRICTED: dict[str, tuple[Path, ...]] = {"compute": COMPUTE_RESTRICTED}
"""What in them only an administrator may write."""
SPECS_KEPT = 256


class Directory:
    """`tree` is the operator's: `/agents/<id>/…` and `/mounts`. A view of an agent is `/status`, `/inbox`, …, each a
    mount, and changes of its table reach whoever uses the same view."""

    def __init__(self, runtime: Runtime, extra: Extra) -> None:
        self.desk = Desk(
            store=runtime.store,
            clock=runtime.clock,
            ids=runtime.ids,
            news=News(runtime.engine.live),
            deliver=runtime.deliver,
            command=partial(order, runtime),
            terms=self.terms,
            pubkey=self.pubkey,
        )
        self._runtime = runtime
        self._extra = extra
        self._specs: dict[str, AgentSpec] = {}
        self._tables: WeakValueDictionary[str, OwnTable] = WeakValueDictionary()
        self._changes = runtime.mount_changes
        self._services = services_of(self.desk, self._more(self.desk))
        self.tree = Namespace(Mounted(self._operators(), as_admin=True))

    async def view(self, agent_id: str) -> Namespace:
        """What an agent reaches itself. Raises AgentNotFound."""
        return Namespace(Mounted(await self.table(agent_id)))

    def files(self, ctx: Context) -> Files:
        """What a run reaches, as effects of it."""
        return Files(ctx, partial(self.view, ctx.agent_id))

    async def table(self, agent_id: str) -> OwnTable:
        """An agent's mount table, the same one for as long as anybody uses it, brought to what holds now. Raises
        AgentNotFound."""
        row = await find_agent(self.desk.store, agent_id)
        table = self._tables.get(agent_id)
        if table is None or table.spec != row.spec or not self._changes.is_known(agent_id):
            spec = await self.spec_of(row)
            tools = self._tools(spec)
            table = self._tables.setdefault(agent_id, table or self._table(agent_id, tools))
            changes = await self._changes.of(agent_id)
            table.lay(row.spec, places(spec, self._services, tools, changes))
        return table

    def take(self, agent_id: str, paths: Iterable[str]) -> None:
        """Cut off whoever uses what a supervisor has taken from an agent."""
        self._changes.forget(agent_id)
        table = self._tables.get(agent_id)
        if table is not None:
            table.take([parse(path) for path in paths], SUPERVISOR)
        self.desk.news.notify()

    async def mounts_changed(self, agent_id: str) -> None:
        """What was decided about the agent's mounts holds from now on, for what is open too."""
        self._changes.forget(agent_id)
        if agent_id in self._tables:
            await self.table(agent_id)
        self.desk.news.notify()

    def offers(self, path: str) -> bool:
        """Whether an agent of this project finds a service at this path, or above it."""
        return path.strip("/").partition("/")[0] in self._services

    async def spec_of(self, row: AgentRow) -> AgentSpec | None:
        """What the agent is; None where that cannot be read here and now."""
        try:
            return await self._spec(row.spec)
        except ConfigError:
            return None

    async def terms(self, row: AgentRow) -> Terms:
        """What the agent's spec says, as far as it can be read here and now."""
        try:
            spec = await self._spec(row.spec)
        except ConfigError as error:
            return Terms(problem=error.message)
        scopes = (
            *agent_scopes(row.id, per_tick=whole(spec.budget.per_tick), per_day=whole(spec.budget.per_day)),
            *pool_scopes(self._runtime.engine.settings.pools),
        )
        return Terms(spec.name, spec.inbox.capacity, spec.inbox.policy, scopes)

    async def _spec(self, digest: str) -> AgentSpec:
        spec = self._specs.get(digest)
        if spec is None:
            spec = await self._runtime.library.stored(digest)
            if len(self._specs) >= SPECS_KEPT:
                del self._specs[next(iter(self._specs))]
            self._specs[digest] = spec
        return spec

    async def pubkey(self, agent_id: str) -> str:
        """The agent's public key, "" where it has none, or none can be had for want of a library."""
        keyring = self._runtime.keyring
        try:
            signer = await keyring.find(agent_id) if keyring is not None else None
        except MissingDependency:
            signer = None
        return signer.pubkey() if signer is not None else ""

    def _added(self, desk: Desk) -> Mapping[str, Service]:
        keyring = self._runtime.keyring
        added: dict[str, Service] = {"compute": compute_of(self._runtime)}
        if keyring is not None:
            added["identity"] = partial(identity, keyring)
        return {**added, **self._extra(desk)}

    # -- views --------------------------------------------------------------------------------------------------------

    def _operators(self) -> MountTable:
        store = self.desk.store

        async def names() -> Iterable[Entry]:
            found: list[Entry] = []
            cursor = ""
            while True:
                page = await store.agents(cursor=cursor, limit=500)
                found += [Entry(row.id, True, None, row.updated_at or row.created_at) for row in page.items]
                cursor = page.next
                if not cursor:
                    return found

        async def child(name: str) -> Node | None:
            if await store.load_agent(name) is None:
                return None
            return agent_folder(name, self.desk, self._services)

        def told(record: Record) -> Change:
            kind = kind_of(record) if record.type in TYPES else "modified"
            return Change(kind, (record.agent_id, *place_of(record)), record.seq)

        agents = Folder(names=names, child=child, watch=follow(self.desk, RecordFilter(), told))
        table = MountTable(Mount(path=("agents",), service=Served(agents)))
        table.mount(Mount(path=("mounts",), service=Served(table.document()), access="read_only"))
        return table

    def _table(self, agent_id: str, tools: Mapping[str, Tool]) -> OwnTable:
        desk = replace(self.desk, who=agent_id, command=partial(order, self._runtime, who=agent_id))
        services: dict[Path, FileService] = {
            (name,): Served(make(agent_id)) for name, make in services_of(desk, self._more(desk)).items()
        }
        for name, tool in tools.items():
            services["tools", name] = Served(tool_node(tool, self.desk.ids))
        return OwnTable(services, RESTRICTED, Purse(agent_id, desk))

    def _more(self, desk: Desk) -> dict[str, Service]:
        return {**self._added(desk), "mounts": self._mounts, "tools": self._tools_node}

    def _tools(self, spec: AgentSpec | None) -> Mapping[str, Tool]:
        try:
            return {} if spec is None else self._runtime.library.tools(spec)
        except ConfigError:
            return {}

    def _tools_node(self, agent_id: str) -> Node:
        async def tools() -> Mapping[str, Tool]:
            row = await self.desk.store.load_agent(agent_id)
            return {} if row is None else self._tools(await self.spec_of(row))

        return tools_node(tools, self.desk.ids)

    def _mounts(self, agent_id: str) -> Node:
        async def rows() -> object:
            table, row = await self.table(agent_id), await self.desk.store.load_agent(agent_id)
            spec = None if row is None else await self.spec_of(row)
            said = {one.path: one for one in table.places}
            return [row_of(replace(said[mount.path], access=mount.access), spec) for mount in table]

        return json_document(rows)
