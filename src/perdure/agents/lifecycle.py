"""How a process that serves agents lives: what a change of a file does to it, how it stops, when it begins again."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from typing import Annotated, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta

from .amounts import Duration
from .section import Section

OnChange: TypeAlias = Literal["reload", "restart", "ignore"]
Strategy: TypeAlias = Literal["graceful", "immediate"]
Attempts: TypeAlias = Annotated[int, Meta(ge=0, le=1_000)]


class HotReload(Section, frozen=True):
    """Whether files are watched while they are served. What an agent leaves open is as its project says."""

    enabled: Annotated[bool | None, Meta(description="true where absent.")] = None
    watch_files: Annotated[
        tuple[str, ...], Meta(description="More files whose change counts, such as `prompts/*.md`.")
    ] = ()


class ProjectReload(Section, frozen=True):
    """What a changed file does to the process that serves it. What an agent leaves open is as its project says."""

    on_config_change: Annotated[
        OnChange | None,
        Meta(
            description="`reload`: new runs take the new file (the default); `restart`: the process begins anew, which "
            "loads imported modules again too; `ignore`: nothing until it is told to."
        ),
    ] = None
    strategy: Annotated[
        Strategy | None,
        Meta(
            description="Before a restart runs under way have the grace period (`graceful`, the default), or are put "
            "away at once and go on after it (`immediate`)."
        ),
    ] = None


class Reload(ProjectReload, frozen=True):
    """What a changed file does to an agent and to the process that serves it."""

    preserve_memory: Annotated[
        bool | None,
        Meta(
            description="Whether an agent keeps what it remembers when its definition has changed; true where absent."
        ),
    ] = None


class Shutdown(Section, frozen=True):
    """How the process stops."""

    grace_period: Annotated[
        Duration | None, Meta(description="Time for what is under way to come to a safe point; 30s where absent.")
    ] = None


class Restart(Section, frozen=True):
    """How often a daemon that failed is begun again."""

    attempts: Annotated[Attempts, Meta(description="Failures in a row before it is given up.")] = 5
    backoff: Annotated[
        Duration | None, Meta(description="Pause before the first time, then twice as long each time; 1s where absent.")
    ] = None
    healthy: Annotated[
        Duration | None, Meta(description="A process that lasted so long begins a new row; 1m where absent.")
    ] = None


class AgentLifecycle(Section, frozen=True):
    """What a changed file does to the agent."""

    reload: Reload = Reload()


class Lifecycle(Section, frozen=True):
    """How the process that serves the project lives."""

    shutdown: Shutdown = Shutdown()
    reload: ProjectReload = ProjectReload()
    restart: Restart = Restart()

    @property
    def grace_ms(self) -> int:
        grace = self.shutdown.grace_period
        return 30_000 if grace is None else int(grace)


class Rules(msgspec.Struct, frozen=True):
    """What holds for one agent: its own word, or that of its project."""

    watched: bool
    on_change: OnChange
    strategy: Strategy


class Said(Protocol):
    """Who says what holds: an agent's file, or its project's."""

    @property
    def hot_reload(self) -> HotReload: ...
    @property
    def lifecycle(self) -> AgentLifecycle | Lifecycle: ...


def rules_of(agent: Said, project: Said) -> Rules:
    """What holds where both an agent and its project may say something."""
    own, general = agent.lifecycle.reload, project.lifecycle.reload
    watched = agent.hot_reload.enabled if agent.hot_reload.enabled is not None else project.hot_reload.enabled
    return Rules(
        watched is not False,
        own.on_config_change or general.on_config_change or "reload",
        own.strategy or general.strategy or "graceful",
    )
