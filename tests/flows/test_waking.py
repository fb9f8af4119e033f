"""What starts a flow by itself: events, schedules and files, as its `on` says."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InvalidFile
from perdure.flows.language.loader import load_flow_document
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RunFilter

PAID = """
    on: [{topic: "orders.*"}]
    inputs: {id: integer, currency: {type: text, default: EUR}}
    tasks: [{tool: act, with: {name: "${id} ${currency}"}}]
"""


def publish(project, text, name="flow"):
    """Put a flow where a process that works for the project finds it, beside its tools."""
    file = project.write(text, name)
    folder = project.folder / "flows"
    folder.mkdir(exist_ok=True)
    said = (project.folder / file).read_text().replace("./tools.py", "../tools.py")
    (folder / file).write_text(said)


async def ended(rt, many, status="done", clock=None):
    """So many runs, once they have ended; a clock that is given goes on by a second each time."""
    for _ in range(500):
        page = await rt.store.runs(RunFilter(status=(status,)))
        if len(page.items) >= many:
            return page.items
        if clock is not None:
            await clock.advance(1_000)
        await asyncio.sleep(0.01)
    raise AssertionError([(run.agent_id, run.status) for run in (await rt.store.runs(RunFilter())).items])


async def test_an_event_starts_a_flow_with_what_it_takes_of_it(project):
    publish(project, PAID)
    async with project.open(recover=True) as rt:
        assert not rt.reloads.problems
        await rt.publish("orders.paid", {"id": 7, "who": "ann"})
        await rt.publish("orders.late", {"id": 8, "currency": "CHF"})
        await ended(rt, 2)
        assert project.calls == ["7 EUR", "8 CHF"]


async def test_an_event_that_lacks_what_the_flow_takes_fails_its_run_and_no_other(project):
    publish(project, PAID)
    async with project.open(recover=True) as rt:
        await rt.publish("orders.paid", {"who": "ann"})
        await rt.publish("orders.paid", {"id": 8})
        (failed,) = await ended(rt, 1, "failed")
        assert "`id` is missing" in (await rt.look(failed.id)).error["message"]
        await ended(rt, 1)
        assert project.calls == ["8 EUR"]


async def test_a_schedule_starts_a_flow_that_takes_nothing_also_after_a_restart(project):
    publish(
        project,
        """
        on: [{every: 2s}]
        tasks: [{tool: act, with: {name: tick}}]
    """,
    )
    store, clock = MemoryStore(), ManualClock()
    for turn in (1, 2):
        async with project.open(recover=True, store=store, clock=clock, settings=Settings(recover=True)) as rt:
            assert len(await rt.schedules("flow")) == 1
            await clock.advance(2_000)
            await ended(rt, turn)
    assert project.calls == ["tick", "tick"]


async def test_a_new_file_starts_a_flow_that_takes_it_as_a_whole(project):
    publish(
        project,
        """
        on: [{file: "inbox/*.csv"}]
        inputs: {file: mapping}
        tasks: [{tool: act, with: {name: "${file.path} ${file.size}"}}]
    """,
    )
    inbox = project.folder / "flows" / "inbox"
    inbox.mkdir()
    clock = ManualClock()
    async with project.open(recover=True, clock=clock) as rt:
        (inbox / "one.csv").write_text("a,b")
        await ended(rt, 1, clock=clock)
        assert project.calls == ["inbox/one.csv 3"]


async def test_two_files_of_one_name_do_not_take_each_others_place(project):
    publish(project, PAID)
    (project.folder / "agents").mkdir()
    (project.folder / "agents" / "flow.yaml").write_text("{name: flow, model: scripted/m}")
    async with project.open(recover=True) as rt:
        assert "another file" in rt.reloads.problems["flows/flow.flow.yaml"]
        assert await rt.store.load_agent("flow") is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{topic: a, every: 1m}", "exactly one of"),
        ("{every: 1ms}", "a second or longer"),
        ("{webhook: github}", "a flow takes no deliveries"),
        ("{topic: a, input: Look}", "by the names of its `inputs`"),
        ('{topic: "${run.id}"}', "nothing yet that an expression could read"),
        ("{topik: a}", "unknown key"),
        ("often", "expected a mapping"),
    ],
)
def test_what_cannot_start_a_flow_is_found_in_its_file(load, entry, said):
    with pytest.raises(InvalidFile, match=said):
        load(f"{{on: [{entry}], tasks: [{{set: {{a: 1}}}}]}}")


def test_the_document_of_a_flow_says_what_starts_it(load):
    spec = load("{on: [{topic: a.b}, {schedule: '0 9 * * mon'}], tasks: [{set: {a: 1}}]}")
    again = load_flow_document(spec.document, environment={})
    assert again.on == spec.on and again.on[1].schedule == "0 9 * * mon"
