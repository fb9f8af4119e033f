"""From specs to programs: what is missing is said before anything runs."""

from __future__ import annotations

import pytest

from perdure.base.errors import ConfigError, UnknownSpec
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RecordFilter


async def test_a_program_carries_the_rules_of_its_spec(stage):
    async with stage.open([]) as rt:
        spec = stage.spec(
            budget={"per_run": "$0.10", "per_day": 5},
            inbox={"capacity": 3, "policy": "drop_oldest"},
            while_waiting="cancel",
        )
        digest, document, program = rt.library.add(rt.spec(spec))
        assert (program.per_run, program.per_day, type(program.per_run)) == (100_000, 5_000_000, int)
        assert (program.capacity, program.policy, program.while_waiting) == (3, "drop_oldest", "cancel")
        assert await rt.library.program(digest) is program
        assert rt.library.add(rt.spec(spec)) == (digest, document, program)
        assert (await rt.library.find(digest))[2] is program


async def test_a_program_is_made_again_from_the_store(stage):
    async with stage.open(["one"]) as rt:
        run = await rt.start(stage.spec(), "x")
        await rt.wait(run)
    async with stage.open([]) as rt:
        assert isinstance(await rt.library.program(run.spec), Program)
        with pytest.raises(UnknownSpec):
            await rt.library.program("0" * 32)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"model": None}, "this key is required"),
        ({"output": "nowhere.at.all:Answer"}, "cannot be found"),
        ({"output": "./missing.py:Answer"}, "missing.py"),
        ({"class": "builtins:int"}, "is not a subclass of perdure.Agent"),
    ],
)
async def test_what_cannot_be_made_is_said_at_once(stage, fields, wanted):
    async with stage.open([]) as rt:
        with pytest.raises(ConfigError, match=wanted):
            await rt.run(stage.spec() | fields, "x")
        assert await rt.store.records(RecordFilter()) == []


async def test_the_shape_of_an_answer_may_be_a_python_type(stage):
    (stage.folder / "shapes.py").write_text("from msgspec import Struct\n\nclass Answer(Struct):\n    n: int\n")
    async with stage.open(['{"n": 3}']) as rt:
        result = await rt.run(stage.spec(output="./shapes.py:Answer"), "x")
    assert result.output == {"n": 3}
