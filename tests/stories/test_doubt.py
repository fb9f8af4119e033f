"""An effect that may or may not have happened: the run stops, a person looks, and it goes on as they say."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, Literal

import pytest

import perdure
from perdure.base.errors import InputError, WrongState
from perdure.kernel.effect import idempotency_key
from perdure.kernel.store.rows import RunFilter, RunRow


async def killed_with_a_letter_on_its_way(project: Path, spawn: Any, models: Any) -> RunRow:
    """The one run of a child that was killed as its first letter had been written."""
    (project / "worker.yaml").write_text(
        "name: worker\nmodel: scripted/worker\nlimits: {concurrency: false}\n"
        'tools: ["./tools.py:look", "./tools.py:charge", "./tools.py:ship", "./tools.py:mail"]\n'
    )
    child = spawn("--runs", "1", "--point", "effect.acted", "--nth", "5")  # model, look, charge, ship, mail
    assert child.end() == -signal.SIGKILL
    async with perdure.open(project, models=models) as rt:
        (run,) = (await rt.store.runs(RunFilter(), limit=2)).items
        asked = await rt.resume(run.id)
        assert (asked.status, asked.waiting_for) == ("waiting", "in_doubt")
        (wait,) = asked.waits
        assert wait.key == "step1/call#4/1/tool:mail"
        request = {"tool": "mail", "arguments": {"what": "a"}}
        assert wait.about == {"kind": "tool", "effect": "once", "request": request, "attempt": 1}
        return run


@pytest.mark.parametrize(
    ("how", "letters", "read"),
    [("done", 2, "once done"), ("retry", 3, "once done"), ("fail", 2, "decided to have failed: it burnt")],
)
async def test_a_person_decides(
    project: Path,
    outside: Any,
    spawn: Any,
    models: Any,
    how: Literal["done", "retry", "fail"],
    letters: int,
    read: str,
) -> None:
    run = await killed_with_a_letter_on_its_way(project, spawn, models)
    key = "step1/call#4/1/tool:mail"
    assert outside.happened("once") == {idempotency_key(run.id, key): 1}
    async with perdure.open(project, models=models) as rt:
        await rt.resolve(run.id, key, how, value="once done", who="ann", why="it burnt")
        ended = await rt.resume(run.id) if (await rt.store.load_run(run.id)).status != "done" else await rt.wait(run.id)
        assert (ended.status, ended.output) == ("done", "done")
        model = models["scripted/worker"]
        result = model.requests[0].messages[-1].parts[-1]
        assert read in result.parts[0].text
        assert result.error is (how == "fail")
        assert await rt.store.verify(run.agent_id) == []
        replayed = await rt.replay(run.id)
        assert replayed.verdict == "same"
    assert sum(outside.happened("once").values()) == letters


async def test_only_what_is_in_doubt_can_be_decided(project: Path, outside: Any, spawn: Any, models: Any) -> None:
    run = await killed_with_a_letter_on_its_way(project, spawn, models)
    async with perdure.open(project, models=models) as rt:
        with pytest.raises(InputError, match="not a decision"):
            await rt.resolve(run.id, "", "perhaps")  # type: ignore[arg-type]
        with pytest.raises(InputError, match="step1/call#4/1/tool:mail"):
            await rt.resolve(run.id, "step1/call/9/tool:mail", "done")
        await rt.resolve(run.id, "", "done", value="once done")
        assert (await rt.resume(run.id)).status == "done"
        with pytest.raises(WrongState):
            await rt.resolve(run.id, "step1/call#4/1/tool:mail", "done")
    assert sum(outside.happened("once").values()) == 2


async def test_a_decision_made_twice_counts_once(project: Path, outside: Any, spawn: Any, models: Any) -> None:
    run = await killed_with_a_letter_on_its_way(project, spawn, models)
    async with perdure.open(project, models=models) as rt:
        row = await rt.resolve(run.id, "", "done", value="once done")
        try:
            await rt.resolve(run.id, "", "retry")
        except WrongState:
            pass  # the first was carried out already
        ended = await rt.engine.rest(row)
        while ended.run.status != "done":
            ended = await rt.engine.rest(ended.run, unlike=ended.run)
        assert ended.output == "done"
    assert sum(outside.happened("once").values()) == 2
