"""Goals: JSON files, one for each, that are values of the agent."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import FileDenied, FileUnsupported, InputError, NoSuchFile
from perdure.namespace.namespace import Namespace
from perdure.namespace.services.goals import goals_node


async def test_a_goal_is_written_read_and_given_up(office: Any, served: Any) -> None:
    goals: Namespace = await served(goals_node)
    await goals.write("/ship.json", '{"description": "Ship it", "priority": 1}')
    value = await office.store.value("bob", "goal:ship")
    assert value is not None and value.data == await goals.read("/ship.json")
    assert [(one.name, one.size) for one in await goals.list("/")] == [("ship.json", len(value.data))]
    await goals.write("/ship.json", '"done"')
    assert await goals.read("/ship.json") == b'"done"'
    await goals.remove("/ship.json")
    with pytest.raises(NoSuchFile):
        await goals.read("/ship.json")
    assert await office.store.value("bob", "goal:ship") is None


@pytest.mark.parametrize("content", ["", "{", "not json", '{"a": 1} {"b": 2}', "\xff"])
async def test_what_is_no_json_is_refused_and_nothing_changes(served: Any, content: str) -> None:
    goals: Namespace = await served(goals_node)
    await goals.write("/g.json", "1")
    for path in ("/g.json", "/new.json"):
        with pytest.raises(InputError):
            await goals.write(path, content.encode("latin-1"))
    assert await goals.read("/g.json") == b"1"
    assert [one.name for one in await goals.list("/")] == ["g.json"]


async def test_other_files_and_folders_are_not_goals(served: Any) -> None:
    goals: Namespace = await served(goals_node)
    with pytest.raises(FileDenied, match="named <id>"):
        await goals.write("/ship.yaml", "1")


async def test_who_watches_hears_of_goals_only(office: Any, served: Any) -> None:
    goals: Namespace = await served(goals_node)
    watch = await goals.watch("/")
    await goals.write("/a.json", "1")
    await goals.write("/a.json", "2")
    await office.commit()
    await goals.remove("/a.json")
    told = [(change.kind, change.path) for change in [await anext(watch) for _ in range(3)]]
    assert told == [("created", ("a.json",)), ("modified", ("a.json",)), ("deleted", ("a.json",))]


async def test_goals_are_flat_and_keep_their_names(served: Any) -> None:
    goals: Namespace = await served(goals_node)
    await goals.write("/a.json", "1")
    for doing in (goals.mkdir("/more"), goals.rename("/a.json", "/b.json")):
        with pytest.raises(FileUnsupported):
            await doing
