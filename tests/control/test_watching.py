"""Going on with everything that lies idle."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.testing import Scripted, call

LOOK = '[call("look", place="attic"), "Fine."]'
ANSWERS = [call("look", place="attic"), "Fine."]


async def test_every_interrupted_run_is_taken_up_and_told_of(opened: Any, killed: Any, gathered: Any) -> None:
    killed(LOOK, at="effect.done", agent="bob")
    killed(LOOK, at="effect.done", agent="eve")
    async with opened(ANSWERS) as rt:
        told = await gathered(rt.resume_all())
        assert await rt.interrupted() == []
    assert sorted((event.type, event.agent_id) for event in told) == [
        ("rested", "bob"),
        ("rested", "eve"),
        ("taken", "bob"),
        ("taken", "eve"),
    ]
    assert all(event.result.output == "Fine." for event in told if event.type == "rested")


async def test_a_runtime_that_recovers_anyway_tells_of_it_too(opened: Any, killed: Any, gathered: Any) -> None:
    killed(LOOK, at="accept.after_commit")
    begun, going = asyncio.Event(), asyncio.Event()

    async def answer(_: Any) -> str:
        begun.set()
        await going.wait()
        return "Fine."

    async with opened(Scripted(answer, name="scripted/m"), recover=True) as rt:
        await begun.wait()  # the pulse took it over before anyone asked
        events = rt.resume_all()
        first = await anext(events)
        going.set()
        rest = await gathered(events)
    assert (first.type, first.agent_id) == ("taken", "bob")
    assert [(event.type, event.result.output) for event in rest] == [("rested", "Fine.")]


async def test_where_nothing_lies_idle_it_ends_at_once(opened: Any, gathered: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        assert await gathered(rt.resume_all()) == []


async def test_an_answer_that_nobody_took_in_moves_its_run_on(opened: Any, gathered: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        rt.engine.wake = lambda _: None
        await rt.approve(waiting.run_id, "yes")
    async with opened([call("ask", question="?"), "Well then."]) as rt:
        told = await gathered(rt.resume_all())
    assert [(event.type, event.run_id) for event in told] == [("taken", waiting.run_id), ("rested", waiting.run_id)]
    assert told[1].result.output == "Well then."


async def test_what_queues_behind_a_person_does_not_keep_it_from_ending(opened: Any, gathered: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        await rt.start("clerk.yaml", "second", agent="bob")
    async with opened() as rt:
        told = await asyncio.wait_for(gathered(rt.resume_all()), 10)
    assert [event.type for event in told] in ([], ["taken", "rested"])


async def test_a_run_whose_tools_are_gone_is_broken_and_the_others_go_on(
    opened: Any, killed: Any, gathered: Any, project: Any
) -> None:
    killed(LOOK, at="effect.done", agent="bob")
    (project / "tools.py").unlink()
    async with opened(ANSWERS) as rt:
        told = await asyncio.wait_for(gathered(rt.resume_all()), 10)
    assert [(event.type, event.agent_id) for event in told] == [("taken", "bob"), ("broken", "bob")]
    assert "tools.py" in told[1].error.message


async def test_with_watch_it_goes_on_looking(opened: Any, killed: Any) -> None:
    async with opened(ANSWERS, recover=True) as rt:
        events = rt.resume_all(watch=True)
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        assert not first.done()
        going = asyncio.get_running_loop().run_in_executor(None, lambda: killed(LOOK, at="effect.done", agent="bob"))
        told = await asyncio.wait_for(first, 20)
        await going
        assert (told.type, told.agent_id) == ("taken", "bob")
        assert (await anext(events)).result.output == "Fine."
        await events.aclose()


async def test_messages_that_were_left_to_others_are_worked_off(opened: Any, gathered: Any) -> None:
    async with opened(["One."]) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        rt.engine.wake = lambda _: None
        left = [(await rt.send("bob", text)).id for text in ("second", "third")]
    async with opened(["One.", "More."]) as rt:
        told = await asyncio.wait_for(gathered(rt.resume_all()), 10)
    rested = {event.run_id: event.result.output for event in told if event.type == "rested"}
    assert rested == dict.fromkeys(left, "More.")


async def test_a_message_behind_a_question_does_not_keep_it_from_ending(opened: Any, gathered: Any) -> None:
    async with opened(["One."]) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        rt.engine.wake = lambda _: None
        for text in ("second", "third"):
            await rt.send("bob", text)
    async with opened(["One.", call("ask", question="?")]) as rt:
        told = await asyncio.wait_for(gathered(rt.resume_all()), 10)
    assert "waiting" in [event.result.status for event in told if event.type == "rested"]
