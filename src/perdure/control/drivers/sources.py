"""What a project's file names under `bus.sources`, as drivers."""

from __future__ import annotations

from pathlib import Path

from perdure.agents.project import SourceSettings
from perdure.agents.schedules import Schedule
from perdure.base.clock import Clock
from perdure.base.ids import Ids
from perdure.kernel.store.port import Store

from .files import FileWatch
from .keeping import WithProject
from .port import Driver
from .schedule import ScheduleSource
from .websocket import WebSocketSource


def source_of(name: str, said: SourceSettings, *, root: Path, store: Store, clock: Clock, ids: Ids) -> Driver:
    if said.websocket is not None:
        return WebSocketSource(name, said.websocket, said.topic, clock=clock, ids=ids, send=said.send)
    if said.file is not None:
        keeping = WithProject(store, clock, name)
        return FileWatch(root, said.file, owner=name, keeping=keeping, clock=clock, topic=said.topic)
    schedule = Schedule(
        every=None if said.every is None else int(said.every),
        cron=said.schedule or "",
        timezone=said.timezone,
        missed=said.missed,
        most=said.missed_max,
        payload=said.payload,
    )
    return ScheduleSource(name, schedule, said.topic, store=store, clock=clock)


def is_kept(said: SourceSettings) -> bool:
    """Whether its events go into the log whatever holds of the topic: of those that have an id of their own, which is
    known there when it comes again."""
    return said.websocket is None
