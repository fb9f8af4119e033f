"""A run that really happened, as the fixture of a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import ConfigError, WrongState
from perdure.testing import call, cassette

ANSWERS = [call("look", place="attic"), "The attic is fine."]


async def record(opened: Any, file: Path) -> str:
    async with opened(ANSWERS) as rt:
        result = await rt.run("clerk.yaml", "Look")
        recorded = await rt.export_cassette(result.run_id)
    file.write_bytes(recorded)
    return str(result.output)


async def test_the_same_run_again_without_a_model(opened: Any, tmp_path: Path) -> None:
    said = await record(opened, tmp_path / "look.json")
    async with opened(cassette(tmp_path / "look.json")) as rt:
        result = await rt.run("clerk.yaml", "Look")
    assert (result.status, result.output) == ("done", said)
    assert result.usage.input_tokens > 0


async def test_an_agents_file_may_name_a_cassette(opened: Any, tmp_path: Path) -> None:
    file = tmp_path / "look.json"
    said = await record(opened, file)
    async with perdure.open(tmp_path) as rt:
        overrides = [f'model={{"provider": "scripted", "name": "x", "extra": {{"cassette": "{file}"}}}}']
        result = await rt.run("clerk.yaml", "Look", overrides=overrides)
    assert result.output == said


async def test_a_conversation_goes_on_from_where_it_was_recorded(opened: Any, tmp_path: Path) -> None:
    async with opened(["One.", "Two."]) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        second = await rt.run("clerk.yaml", "second", agent="bob")
        (tmp_path / "second.json").write_bytes(await rt.export_cassette(second.run_id))
        with_past = json.loads((tmp_path / "second.json").read_bytes())
    assert [(turn["turn"], turn["says"]) for turn in with_past["turns"]] == [(1, "second")]


async def test_another_question_is_refused_and_both_are_shown(opened: Any, tmp_path: Path) -> None:
    await record(opened, tmp_path / "look.json")
    async with opened(cassette(tmp_path / "look.json")) as rt:
        result = await rt.run("clerk.yaml", "Look again")
    assert result.error is not None
    assert result.error["code"] == "model.invalid_request"
    assert "recorded 'Look', asked 'Look again'" in result.error["message"]


async def test_another_result_of_a_tool_is_noticed(opened: Any, tmp_path: Path, project: Path) -> None:
    await record(opened, tmp_path / "look.json")
    tools = project / "tools.py"
    tools.write_text(tools.read_text().replace("is fine", "burns"))
    async with opened(cassette(tmp_path / "look.json")) as rt:
        result = await rt.run("clerk.yaml", "Look")
    assert result.error is not None and "asked 'attic burns'" in result.error["message"]


async def test_a_question_too_many_is_refused(opened: Any, tmp_path: Path) -> None:
    file = tmp_path / "look.json"
    await record(opened, file)
    shorter = json.loads(file.read_bytes())
    del shorter["turns"][1]
    file.write_text(json.dumps(shorter))
    async with opened(cassette(file)) as rt:
        result = await rt.run("clerk.yaml", "Look")
    assert result.error is not None and "no answer after 1" in result.error["message"]


class Still(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> str:
        return "done"


async def test_a_run_that_asked_no_model_has_no_cassette(opened: Any) -> None:
    async with opened() as rt:
        result = await rt.run(Still, "go")
        with pytest.raises(WrongState):
            await rt.export_cassette(result.run_id)


@pytest.mark.parametrize("content", [None, "", "{", '{"turns": 3}', '{"cassette": 99}', "\udcff"])
def test_what_is_not_a_cassette_is_refused_with_its_name(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "look.json"
    if content is not None:
        file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"look\.json"):
        cassette(file)
