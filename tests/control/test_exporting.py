"""Export: runs as text for other programs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from perdure.base.errors import InputError, RunNotFound
from perdure.base.messages import Text, Thinking
from perdure.kernel.store.rows import RunFilter
from perdure.testing import call

ANSWERS = [[Thinking("Let me see."), call("look", place="attic")], [Thinking("Good."), Text('It is "fine",\nreally.')]]


async def test_a_line_of_json_for_each_run_with_its_conversation(opened: Any, gathered: Any) -> None:
    async with opened(ANSWERS) as rt:
        result = await rt.run("clerk.yaml", "Look")
        text = "".join(await gathered(rt.export([result.run_id])))
    (run,) = [json.loads(line) for line in text.splitlines()]
    assert (run["run_id"], run["input"], run["output"]) == (result.run_id, "Look", 'It is "fine",\nreally.')
    assert [message["role"] for message in run["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert run["messages"][1]["parts"] == [
        {"type": "tool_call", "id": "call_1", "name": "look", "arguments": {"place": "attic"}}
    ]


async def test_thoughts_are_left_out_unless_asked_for_and_tools_may_be(opened: Any, gathered: Any) -> None:
    async with opened(ANSWERS) as rt:
        await rt.run("clerk.yaml", "Look")
        bare = json.loads("".join(await gathered(rt.export(include_tools=False))))
        full = json.loads("".join(await gathered(rt.export(include_thoughts=True))))
    assert [message["role"] for message in bare["messages"]] == ["user", "assistant"]
    assert full["messages"][1]["parts"][0] == {"type": "thinking", "text": "Let me see."}


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_one_list_of_json_is_valid_however_many_runs_there_are(opened: Any, gathered: Any, count: int) -> None:
    async with opened(["hello"]) as rt:
        for _ in range(count):
            await rt.run("clerk.yaml", "hi")
        runs = json.loads("".join(await gathered(rt.export(format="json"))))
        assert "".join(await gathered(rt.export(format="jsonl"))).count("\n") == count
    assert [run["status"] for run in runs] == ["done"] * count


async def test_a_row_for_each_run_reads_back_with_quotes_and_lines(opened: Any, gathered: Any) -> None:
    async with opened(ANSWERS) as rt:
        await rt.run("clerk.yaml", {"place": "attic"})
        failed = await rt.run("clerk.yaml", "x", overrides=["budget.per_run=$0.01"])
        assert failed.error is not None
        text = "".join(await gathered(rt.export(format="csv", include_thoughts=True)))
        bare = "".join(await gathered(rt.export(format="csv", include_tools=False)))
    second, first = csv.DictReader(io.StringIO(text))
    assert (first["input"], first["output"]) == ('{"place":"attic"}', 'It is "fine",\nreally.')
    assert json.loads(first["tools"]) == [{"name": "look", "arguments": {"place": "attic"}}]
    assert first["thoughts"] == "Let me see.\nGood."
    assert int(first["input_tokens"]) > 0
    assert second["error"].startswith(failed.error["code"])
    assert "tools" not in bare.splitlines()[0]


async def test_runs_are_chosen_by_a_filter(opened: Any, gathered: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.run("clerk.yaml", "hi", agent="eve")
        pieces = await gathered(rt.export(filter=RunFilter("eve")))
    assert [json.loads(piece)["agent_id"] for piece in pieces if piece] == ["eve"]


async def test_a_format_that_is_not_one_and_a_run_that_is_not_there(opened: Any, gathered: Any) -> None:
    async with opened() as rt:
        with pytest.raises(InputError, match="xml"):
            await gathered(rt.export(format="xml"))
        with pytest.raises(RunNotFound):
            await gathered(rt.export(["run_nothing"]))
