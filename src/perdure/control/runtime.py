"""The runtime of one project: the verbs of the system, each in a file of its own, on one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure import control
from perdure.agents.programs import Library
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentSpec
from perdure.agents.targets import Target
from perdure.base.clock import Clock
from perdure.base.ids import Ids
from perdure.base.lazy import load
from perdure.kernel.engine import Engine
from perdure.kernel.store.port import Store

from .changes import MountChanges
from .verbs.agents import Agents
from .verbs.keeping import Keeping
from .verbs.moving import Moving
from .verbs.publishing import Publishing
from .verbs.reading import Reading
from .verbs.running import Running
from .verbs.waking import Waking

if TYPE_CHECKING:
    from perdure.compute.jobs.jobs import Jobs
    from perdure.compute.jobs.port import Provider
    from perdure.kernel.context import Context
    from perdure.namespace.identity.port import Keyring
    from perdure.namespace.levels import Access
    from perdure.namespace.namespace import Namespace
    from perdure.namespace.reaching import Files

    from .directory import Directory, Extra
    from .drivers.running import Drivers

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


class Runtime(Keeping, Agents, Reading, Waking, Publishing, Moving, Running):
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

    # -- the namespace -------------------------------------------------------------------------------------------------

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
