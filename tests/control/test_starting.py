"""Starting runs: a message is checked and accepted."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

import perdure
from perdure.base.clock import SystemClock
from perdure.base.errors import InputError, InvalidFile
from perdure.base.ids import Ids
from perdure.control.starting import MAX_INPUT
from perdure.testing import Scripted


async def test_the_same_envelope_again_is_the_same_run(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        first = await rt.start("clerk.yaml", "hi", agent="bob", envelope_id="env_1")
        again = await rt.start("clerk.yaml", "hi", agent="bob", envelope_id="env_1")
        assert again.id == first.id
        await rt.wait(first)
        assert (await rt.start("clerk.yaml", "hi", agent="bob", envelope_id="env_1")).id == first.id
        assert len((await rt.runs()).items) == 1


class Order(msgspec.Struct):
    item: str
    count: int


@pytest.mark.parametrize(
    ("input", "read"),
    [
        ("hi", "hi"),
        ({"message": "hi"}, "hi"),
        ({"item": "hat"}, '{"item":"hat"}'),
        (Order("hat", 2), '{"item":"hat","count":2}'),
        (perdure.Text("hi"), "hi"),
        ([perdure.Text("see "), perdure.Text("this")], "see this"),
        (7, "7"),
    ],
)
async def test_what_is_sent_reaches_the_model_as_text(opened: Any, input: Any, read: str) -> None:
    model = Scripted(["ok"], name="scripted/m")
    async with opened(model) as rt:
        assert (await rt.run("clerk.yaml", input)).status == "done"
    assert model.requests[0].messages[-1].text == read


async def test_an_image_reaches_the_model_as_it_is(opened: Any) -> None:
    model = Scripted(["a cat"], name="scripted/m")
    image = perdure.Image("image/png", b"\x89PNG")
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", [perdure.Text("What is this?"), image])
    assert result.output == "a cat"
    assert model.requests[0].messages[0].parts[1] == image


@pytest.mark.parametrize("input", ["", "   \n", "x" * (MAX_INPUT + 1), {"a": object()}, "\ud800", {"a": 1 << 70}])
async def test_what_cannot_be_accepted_leaves_nothing_behind(opened: Any, input: Any) -> None:
    async with opened(["hello"]) as rt:
        with pytest.raises(InputError):
            await rt.run("clerk.yaml", input)
        assert (await rt.runs()).items == []


@pytest.mark.parametrize("agent", ["", "-bob", "a b", "a/b", "x" * 129, "bob\n"])
async def test_names_that_no_agent_can_have(opened: Any, agent: str) -> None:
    async with opened(["hello"]) as rt:
        with pytest.raises(InputError, match="not an agent's id"):
            await rt.run("clerk.yaml", "hi", agent=agent)


async def test_a_mapping_a_spec_and_a_file_are_all_targets(opened: Any, project: Path) -> None:
    spec = perdure.AgentSpec(name="made", model="scripted/m")
    async with opened(["hello"]) as rt:
        for target in ("clerk.yaml", project / "clerk.yaml", spec, {"name": "made", "model": "scripted/m"}):
            assert (await rt.run(target, "hi")).output == "hello"


async def test_what_is_no_target_is_refused(opened: Any) -> None:
    async with opened() as rt:
        with pytest.raises(InputError, match="cannot be run"):
            await rt.run(7, "hi")
        with pytest.raises(InputError, match="overrides are for files"):
            await rt.run({"name": "x"}, "hi", overrides=["name=y"])
        with pytest.raises(InvalidFile):
            await rt.run({"name": "x", "modle": "scripted/m"}, "hi")


async def test_nobody_finds_himself_in_the_conversation_of_an_agent_whose_id_was_drawn_before(opened: Any) -> None:
    drawn = iter([b"\1\1\1\1", b"\1\1\1\1", b"\2\2\2\2"])
    by_chance = Random(7).randbytes

    def entropy(n: int) -> bytes:
        return next(drawn) if n == 4 else by_chance(n)

    async with opened(["hello", "hello"], ids=Ids(SystemClock(), entropy)) as rt:
        first, second = await rt.run("clerk.yaml", "hi"), await rt.run("clerk.yaml", "hi")
        assert (first.agent_id, second.agent_id) == ("clerk-01010101", "clerk-02020202")
