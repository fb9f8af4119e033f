"""A run is heard from any place, live or long after, and nothing in between is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import perdure
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse, Text, TextDelta, ToolCall
from perdure.control import hearing
from perdure.control.channels import MOST
from perdure.control.listening import RunEvent
from perdure.kernel.records import Record

Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]

LOOK = ModelResponse((ToolCall("c1", "look", {"place": "here"}), ToolCall("c2", "look", {"place": "there"})))


class Slow:
    """A model that says one word each time it is let to."""

    name = "scripted/m"

    def __init__(self) -> None:
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.asked = asyncio.Event()

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        self.asked.set()
        said = ""
        while word := await self.words.get():
            said += word
            yield TextDelta(word)
        yield Finished(ModelResponse((Text(said),)))


async def heard(events: AsyncIterator[RunEvent]) -> list[RunEvent]:
    return [event async for event in events]


def shown(events: list[RunEvent]) -> list[str]:
    return [event.type for event in events]


async def test_a_run_that_has_ended_is_told_from_its_journal(opened: Open) -> None:
    async with opened([LOOK, "all fine"]) as runtime:
        run = await runtime.start("clerk.yaml", "look around")
        await runtime.wait(run)
        events = await heard(runtime.hear(run.id))
        assert shown(events) == ["model", "tool_start", "tool_start", "tool_end", "tool_end", "model", "result"]
        result = events[-1].result
        assert result is not None and result.output == "all fine"


async def test_it_goes_on_behind_every_cursor(opened: Open) -> None:
    async with opened([LOOK, "all fine"]) as runtime:
        run = await runtime.start("clerk.yaml", "look around")
        await runtime.wait(run)
        events = await heard(runtime.hear(run.id))
        for place, event in enumerate(events):
            if event.seq:
                again = await heard(runtime.hear(run.id, after=event.seq))
                # Who saw the end and asks again is told of the end.
                assert again == (events[place + 1 :] or [event])


async def test_the_first_events_of_a_record_have_no_cursor(opened: Open) -> None:
    async with opened([LOOK, "all fine"]) as runtime:
        run = await runtime.start("clerk.yaml", "look around")
        await runtime.wait(run)
        model, first, second, *_ = await heard(runtime.hear(run.id))
        assert (model.seq, first.seq) == (0, 0) and second.seq > 0


async def test_who_comes_in_the_middle_of_an_answer_gets_the_text_so_far(project: Path) -> None:
    model = Slow()
    async with perdure.open(project, models={"scripted/m": model}) as runtime:
        run = await runtime.start("clerk.yaml", "talk")
        early = runtime.hear(run)
        first = asyncio.ensure_future(anext(early))
        await model.asked.wait()
        for word in ("one ", "two "):
            model.words.put_nowait(word)
        assert (await first).text == "one "
        assert (await anext(early)).text == "two "
        late = runtime.hear(run.id)
        so_far = await anext(late)
        assert (so_far.text, so_far.replaces) == ("one two ", True)
        model.words.put_nowait("three")
        model.words.put_nowait("")
        for events in (await heard(early), await heard(late)):
            assert [(event.type, event.text) for event in events] == [
                ("text", "three"),
                ("model", "one two three"),
                ("result", ""),
            ]


async def test_who_was_cut_off_and_comes_back_gets_it_too(project: Path) -> None:
    model = Slow()
    async with perdure.open(project, models={"scripted/m": model}) as runtime:
        run = await runtime.start("clerk.yaml", "talk")
        cut = runtime.hear(run)
        first = asyncio.ensure_future(anext(cut))
        await model.asked.wait()
        model.words.put_nowait("one ")
        await first
        await cut.aclose()  # type: ignore[attr-defined]
        model.words.put_nowait("two ")
        await asyncio.sleep(0.01)
        back = runtime.hear(run.id)
        assert (await anext(back)).text == "one two "
        model.words.put_nowait("")
        assert shown(await heard(back)) == ["model", "result"]


async def test_who_is_too_slow_reads_the_journal_instead(project: Path) -> None:
    model = Slow()
    async with perdure.open(project, models={"scripted/m": model}) as runtime:
        run = await runtime.start("clerk.yaml", "talk")
        slow = runtime.hear(run)
        first = asyncio.ensure_future(anext(slow))
        await model.asked.wait()
        model.words.put_nowait("0 ")
        await first
        for number in range(1, 2 * MOST):
            model.words.put_nowait(f"{number} ")
        model.words.put_nowait("")
        result = await runtime.wait(run)
        rest = await heard(slow)
        assert len(rest) < MOST
        assert rest[-2].text == result.output == "".join(f"{number} " for number in range(2 * MOST))


async def test_it_ends_with_what_was_waited_for(opened: Open) -> None:
    async with opened([ModelResponse((ToolCall("c1", "ask", {"question": "why?"}),)), "so"]) as runtime:
        run = await runtime.start("clerk.yaml", "ask me")
        events = await heard(runtime.hear(run.id, until=runtime.wait(run)))
        assert shown(events) == ["model", "tool_start", "waiting"]
        rest = asyncio.ensure_future(runtime.wait(run))
        await heard(runtime.hear(run.id, until=rest))
        assert rest.done() and not rest.cancelled()
        more = asyncio.ensure_future(heard(runtime.hear(run.id, after=events[-1].seq)))
        await runtime.approve(run.id, "because")
        assert shown(await more)[-2:] == ["model", "result"]


async def test_nothing_is_kept_of_runs_that_nobody_follows(opened: Open) -> None:
    async with opened([LOOK, "all fine"]) as runtime:
        run = await runtime.start("clerk.yaml", "look around")
        await heard(runtime.hear(run.id))
        assert not runtime.engine.live.watched(run.id)


async def test_what_another_process_writes_is_heard_by_all_and_looked_for_by_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "LOOK_MS", 50)
    model, looks, watchers = Slow(), 0, 20
    async with perdure.open(project, models={"scripted/m": model}) as there, perdure.open(project) as here:
        run = await there.start("clerk.yaml", "talk")
        await model.asked.wait()
        watching = [asyncio.ensure_future(heard(here.hear(run.id))) for _ in range(watchers)]
        await asyncio.sleep(0.1)  # all of them have read what there is
        records = here.store.records

        async def counted(*args: Any, **more: Any) -> list[Record]:
            nonlocal looks
            looks += 1
            return await records(*args, **more)

        monkeypatch.setattr(here.store, "records", counted)
        began = here.clock.now()
        await asyncio.sleep(0.5)
        assert 0 < looks <= (here.clock.now() - began) / 50 + 2  # each for itself, they would be twenty times that
        model.words.put_nowait("all fine")
        model.words.put_nowait("")
        for events in await asyncio.gather(*watching):
            assert shown(events)[-2:] == ["model", "result"]
