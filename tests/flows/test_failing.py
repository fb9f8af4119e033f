"""What becomes of a failure: tried again, dealt with, let pass, undone."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.clock import ManualClock
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RunFilter

TIMELESS = Settings(recover=True, heartbeat_ms=None)


async def test_a_step_is_tried_again_after_a_pause_that_lasts(project):
    flow = "tasks: [{id: a, tool: third, with: {name: x}, retry: {attempts: 3, backoff: 1h, factor: 2, most: 1d}}]"
    clock = ManualClock()
    async with project.open(clock=clock, settings=TIMELESS) as rt:
        run = await rt.start(project.write(flow), None)
        await clock.advance(3_600_000)
        assert len(project.calls) == 2
        await clock.advance(2 * 3_600_000 - 1)
        assert len(project.calls) == 2
        await clock.advance(1)
        assert (await rt.wait(run)).output == "x"
        assert (await rt.replay(run.id)).verdict == "same"


async def test_only_the_named_errors_are_tried_again(project):
    flow = "tasks: [{tool: bad, with: {name: x}, retry: {attempts: 3, backoff: 1ms, on: [model]}}]"
    result = await project.run(flow)
    assert (result.status, project.calls) == ("failed", ["bad x"])


async def test_a_failure_that_may_pass_gives_null(project):
    flow = """
        tasks:
          - {id: a, tool: bad, with: {name: a}, on_error: ignore}
          - {set: {seen: "${a ?? 'nothing'}", ran: "${'a' in done}"}}
        outputs: {seen: "${seen}", ran: "${ran}"}
    """
    assert (await project.run(flow)).output == {"seen": "nothing", "ran": False}


async def test_what_on_error_gives_stands_for_the_result(project):
    flow = """
        tasks:
          - id: a
            on_error: [{set: {said: "${error.step} ${error.code} ${error.retryable}"}}]
            do: [{tool: act, with: {name: one}}, {id: inner, tool: bad, with: {name: two}}]
        outputs: {said: "${said}", a: "${a}"}
    """
    output = (await project.run(flow)).output
    assert output["said"] == "a/inner tool.did_nothing false"


async def test_a_flow_deals_with_what_no_step_did_and_is_done(project):
    flow = """
        tasks: [{tool: act, with: {name: a}, compensate: [{tool: act, with: {name: undo}}]}, {fail: "no"}]
        on_error: [{tool: act, with: {name: "${error.message}"}}]
        finally: [{tool: act, with: {name: last}}]
    """
    result = await project.run(flow)
    assert (result.status, result.output) == ("done", "no!")
    assert project.calls == ["a", "no", "last"]


SAGA = """
    tasks:
      - {id: a, tool: act, with: {name: a}, compensate: [{tool: act, with: {name: "undo ${a}"}}]}
      - id: several
        parallel:
          b: {tool: act, with: {name: b}, compensate: [{tool: act, with: {name: "undo ${b}"}}]}
          c: {tool: act, with: {name: c}}
      - set: {a2: changed}
      - for_each: ${[1, 2]}
        do:
          - {id: d, tool: act, with: {name: "d${item}"}, compensate: [{tool: act, with: {name: "undo d${item}"}}]}
      - {id: never, tool: bad, with: {name: e}, compensate: [{tool: act, with: {name: "undo e"}}]}
    finally: [{tool: act, with: {name: last}}]
"""


async def test_what_was_done_is_undone_in_reverse_order_and_what_was_not_is_not(project):
    result = await project.run(SAGA)
    assert result.error["code"] == "tool.did_nothing"
    undone = project.calls[project.calls.index("bad e") + 1 :]
    assert undone == ["undo d2", "undo d1", "undo b!", "undo a!", "last"]


async def test_one_that_cannot_be_undone_keeps_none_of_the_others(project):
    flow = """
        tasks:
          - {id: a, tool: act, with: {name: a}, compensate: [{tool: act, with: {name: undo a}}]}
          - {id: b, tool: act, with: {name: b}, compensate: [{tool: bad, with: {name: undo b}}]}
          - {fail: "no more"}
    """
    result = await project.run(flow)
    assert (result.error["code"], list(result.error["facts"]["steps"])) == ("flow.not_undone", ["b"])
    assert result.error["facts"]["error"]["message"] == "no more"
    assert project.calls == ["a", "b", "bad undo b", "undo a"]


async def test_finally_runs_however_a_step_ends(project):
    flow = """
        tasks:
          - {tool: act, with: {name: a}, finally: [{tool: act, with: {name: a last}}]}
          - {tool: bad, with: {name: b}, on_error: ignore, finally: [{tool: act, with: {name: b last}}]}
          - {tool: bad, with: {name: c}, finally: [{tool: act, with: {name: c last}}]}
    """
    assert (await project.run(flow)).status == "failed"
    assert project.calls == ["a", "a last", "bad b", "b last", "bad c", "c last"]


async def test_a_step_that_takes_too_long_is_cut_off_and_may_be_tried_again(project):
    flow = """
        tasks:
          - {id: a, tool: slow, with: {name: x}, timeout: 50ms, retry: {attempts: 2, backoff: 1ms},
             on_error: [{set: {why: "${error.code}"}}]}
        outputs: {why: "${why}"}
    """
    assert (await project.run(flow)).output == {"why": "flow.timeout"}
    assert project.calls == ["begin x", "begin x"]


async def test_what_may_change_something_is_let_finish_before_its_step_counts_as_late(project):
    flow = "tasks: [{id: a, tool: careful, with: {name: x}, timeout: 20ms, on_error: ignore}]"
    result = await project.run(flow)
    assert (result.status, project.calls) == ("done", ["begin x", "end x"])


async def test_a_flow_that_takes_too_long_fails_and_undoes_what_it_did(project):
    flow = """
        timeout: 60ms
        tasks:
          - {tool: act, with: {name: a}, compensate: [{tool: act, with: {name: undo a}}]}
          - {tool: slow, with: {name: x}}
    """
    result = await project.run(flow)
    assert (result.error["code"], project.calls) == ("flow.timeout", ["a", "begin x", "undo a"])


async def until(project, what):
    while what not in project.calls:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("hot", [True, False])
async def test_a_flow_that_is_cancelled_undoes_what_it_did_once(project, hot):
    waits = "tool: slow, with: {name: x}" if hot else 'wait: {approval: "Go on?"}'
    flow = f"""
        tasks:
          - {{id: a, tool: act, with: {{name: a}}, compensate: [{{tool: act, with: {{name: "undo ${{a}}"}}}}]}}
          - {{id: b, {waits}, compensate: [{{tool: act, with: {{name: undo b}}}}],
             finally: [{{tool: act, with: {{name: b last}}}}]}}
          - {{tool: act, with: {{name: never}}}}
        finally: [{{tool: act, with: {{name: last}}}}]
    """
    async with project.open() as rt:
        run = await rt.start(project.write(flow), None)
        await until(project, "begin x" if hot else "a")
        result = await rt.cancel(run.id)
        assert (result.status, result.error["code"]) == ("cancelled", "run.cancelled")
        assert [one for one in project.calls if one != "begin x"] == ["a", "b last", "undo a!", "last"]
        assert [(one.place, one.status) for one in await rt.steps(run.id)][:2] == [("a", "done"), ("b", "open")]


async def test_cancelling_reaches_the_flows_within_which_undo_what_they_did(project):
    project.write(
        """
        tasks:
          - {tool: act, with: {name: inner}, compensate: [{tool: act, with: {name: undo inner}}]}
          - wait: {approval: "Go on?"}
    """,
        "inner",
    )
    flow = """
        tasks:
          - {tool: act, with: {name: outer}, compensate: [{tool: act, with: {name: undo outer}}]}
          - parallel: {one: {flow: ./inner.flow.yaml}, two: {wait: 1h}}
    """
    async with project.open() as rt:
        run = await rt.start(project.write(flow), None)
        await until(project, "inner")
        while (await rt.look(run.id)).status != "waiting":
            await asyncio.sleep(0.005)
        assert (await rt.cancel(run.id)).status == "cancelled"
        await until(project, "undo inner")
        assert sorted(project.calls) == ["inner", "outer", "undo inner", "undo outer"]
        while {row.status for row in (await rt.store.runs(RunFilter())).items} != {"cancelled"}:
            await asyncio.sleep(0.005)


async def test_who_cancels_twice_ends_the_undoing_too(project):
    flow = """
        tasks:
          - {tool: act, with: {name: a}, compensate: [{wait: {approval: "Undo?"}}, {tool: act, with: {name: undo}}]}
          - wait: 1h
    """
    async with project.open() as rt:
        run = await rt.start(project.write(flow), None)
        await until(project, "a")
        while (await rt.look(run.id)).waiting_for != "timer":
            await asyncio.sleep(0.005)
        assert (await rt.cancel(run.id)).waiting_for == "approval"
        assert (await rt.cancel(run.id)).status == "cancelled"
        assert project.calls == ["a"]


async def test_a_flow_that_was_closed_while_it_undid_goes_on_undoing(project):
    flow = """
        tasks:
          - {tool: act, with: {name: a}, compensate: [{tool: act, with: {name: undo a}}]}
          - tool: act
            with: {name: b}
            compensate:
              - {tool: act, with: {name: begin}}
              - wait: {approval: "Undo?"}
              - {tool: act, with: {name: undo b}}
          - wait: 1h
    """
    store = MemoryStore()
    async with project.open(store=store) as rt:
        run = await rt.start(project.write(flow), None)
        await until(project, "b")
        while (await rt.look(run.id)).waiting_for != "timer":
            await asyncio.sleep(0.005)
        assert (await rt.cancel(run.id)).waiting_for == "approval"
    async with project.open(store=store) as rt:
        await rt.approve(run.id)
        assert (await rt.wait(run.id)).status in ("cancelled", "waiting")
        while (await rt.look(run.id)).status != "cancelled":
            await asyncio.sleep(0.005)
    assert project.calls == ["a", "b", "begin", "undo b", "undo a"]


async def test_a_flow_that_undid_something_is_not_gone_on_with_but_what_failed_is_undone(project):
    flow = """
        tasks:
          - {tool: act, with: {name: a}, compensate: [{tool: third, with: {name: undo a}}]}
          - {tool: act, with: {name: b}, compensate: [{tool: act, with: {name: undo b}}]}
          - {tool: third, with: {name: c}}
          - {tool: act, with: {name: never}}
    """
    async with project.open() as rt:
        result = await rt.run(project.write(flow), None)
        assert result.error["code"] == "flow.not_undone"
        result = await rt.resume(result.run_id)
        assert result.error["code"] == "flow.not_undone"
        result = await rt.resume(result.run_id)
        assert (result.error["code"], result.error["message"]) == ("tool.did_nothing", "not yet")
        assert project.calls == ["a", "b", "third c", "undo b", *["third undo a"] * 3]


async def test_a_flow_that_undid_nothing_is_gone_on_with_at_the_step_that_failed(project):
    flow = "tasks: [{tool: act, with: {name: a}}, {tool: third, with: {name: c}}, {tool: act, with: {name: b}}]"
    async with project.open() as rt:
        result = await rt.run(project.write(flow), None)
        for _ in range(2):
            assert result.status == "failed"
            result = await rt.resume(result.run_id)
        assert (result.output, project.calls) == ("b!", ["a", *["third c"] * 3, "b"])


async def test_a_flow_is_paused_between_two_steps_also_side_by_side_and_goes_on(project):
    flow = """
        tasks:
          - for_each: ${range(40)}
            concurrency: 4
            do:
              - {tool: slow, with: {name: "${item | text}", seconds: 0.01}}
              - {tool: act, with: {name: "${item | text}"}}
    """
    async with project.open() as rt:
        run = await rt.start(project.write(flow), None)
        await until(project, "5")
        assert (await rt.pause(run.id)).status == "paused"
        done = len(project.calls)
        await asyncio.sleep(0.05)
        assert len(project.calls) == done < 120
        assert (await rt.resume(run.id)).status == "done"
    acted = [one for one in project.calls if " " not in one]
    assert sorted(acted, key=int) == [str(n) for n in range(40)]
