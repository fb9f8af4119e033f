"""Whatever is done, in whatever order, a host folder and a mounted tree answer as the tree in memory does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import FileError
from perdure.namespace.host import HostFolder
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.port import CALL, CHANGE, FileService, How
from perdure.namespace.tree import MemoryTree
from perdure.namespace.union import Union
from perdure.testing import ManualClock


class Step(NamedTuple):
    verb: str
    path: str
    more: Any = None


BELOW = st.sampled_from(["/a", "/b", "/d", "/d/a", "/d/e", "/d/e/a", "/a/b", "/no/a"])
PATHS = st.just("/") | BELOW
HOWS = st.sampled_from([How(write=True), CALL, CHANGE, How(write=True, truncate=True), How(write=True, append=True)])
STEPS = (
    st.builds(Step, st.sampled_from(["read", "list", "stat"]), PATHS, st.none())
    | st.builds(Step, st.sampled_from(["remove", "mkdir"]), BELOW, st.none())
    | st.builds(Step, st.sampled_from(["write", "append", "call"]), PATHS, st.binary(max_size=3))
    | st.builds(Step, st.just("rename"), BELOW, BELOW)
    | st.builds(Step, st.just("open"), PATHS, HOWS)
)


async def taken(service: FileService, step: Step) -> object:
    """What a step gives, or the kind of its refusal."""
    namespace = Namespace(service)
    try:
        match step.verb:
            case "list":
                return [(one.name, one.is_dir, one.size) for one in await namespace.list(step.path)]
            case "stat":
                stat = await namespace.stat(step.path)
                return stat.is_dir, stat.size
            case "open":
                async with await namespace.open(step.path, step.more) as file:
                    await file.write(b"xy")
                return None
            case verb:
                return await getattr(namespace, verb)(step.path, *(() if step.more is None else (step.more,)))
    except FileError as refusal:
        return type(refusal)


async def compared(steps: list[Step], folder: Path) -> None:
    clock = ManualClock()
    model = MemoryTree(clock)
    others = [
        HostFolder(folder, clock),
        Mounted(MountTable(Mount(path=(), service=MemoryTree(clock)))),
        Union(MemoryTree(clock)),
    ]
    for step in steps:
        expected = await taken(model, step)
        for service in others:
            assert await taken(service, step) == expected, f"{type(service).__name__}: {step}"


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_every_service_answers_as_the_model(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(compared(steps, Path(folder)))
