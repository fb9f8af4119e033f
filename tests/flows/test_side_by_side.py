"""Branches: all, some, or the first of them."""

from __future__ import annotations

import asyncio

from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RunFilter


async def test_results_are_by_id_or_in_the_order_of_the_file(project):
    flow = """
        tasks:
          - {id: named, parallel: {x: {tool: slow, with: {name: x, seconds: 0.02}}, y: {tool: look, with: {name: y}}}}
          - {id: listed, parallel: [{tool: slow, with: {name: p, seconds: 0.02}}, {tool: look, with: {name: q}}]}
        outputs: {named: "${named}", listed: "${listed}", x: "${x}", done: "${done}"}
    """
    output = (await project.run(flow)).output
    assert output == {
        "named": {"x": "x", "y": "y"},
        "listed": ["p", "q"],
        "x": "x",
        "done": ["x", "y", "named", "listed"],
    }


async def test_the_first_failure_ends_the_others(project):
    flow = """
        tasks:
          - parallel:
              a: {tool: slow, with: {name: a}}
              b: {tool: bad, with: {name: b}}
              c: {wait: 1h}
    """
    result = await project.run(flow)
    assert (result.status, result.error["facts"]["step"]) == ("failed", "parallel/b")
    assert project.calls == ["begin a", "bad b"]


async def test_some_have_to_succeed_and_the_others_count_as_null(project):
    flow = """
        inputs: {need: integer}
        tasks:
          - id: all
            need: NEED
            parallel:
              a: {tool: look, with: {name: a}}
              b: {tool: bad, with: {name: b}}
              c: {tool: slow, with: {name: c, seconds: 0.02}}
        outputs: {all: "${all}"}
    """
    assert (await project.run(flow.replace("NEED", "2"), 0)).output == {"all": {"a": "a", "b": None, "c": "c"}}
    result = await project.run(flow.replace("NEED", "3"), 0)
    assert (result.error["code"], result.error["facts"]["failures"]) == (
        "flow.not_enough",
        {"b": "b is bad", "c": "it was cut off"},
    )


async def test_who_is_late_is_left_out(project):
    flow = """
        tasks:
          - id: all
            need: 1
            within: 60ms
            parallel: {a: {tool: look, with: {name: a}}, b: {tool: slow, with: {name: b}}, c: {wait: 1h}}
        outputs: {all: "${all}"}
    """
    assert (await project.run(flow)).output == {"all": {"a": "a", "b": None, "c": None}}


async def test_so_many_at_once_and_no_more(project):
    branches = ", ".join(f"{{tool: slow, with: {{name: '{n}', seconds: 0.01}}}}" for n in range(6))
    await project.run(f"tasks: [{{max: 2, parallel: [{branches}]}}]")
    at_once, most = 0, 0
    for line in project.calls:
        at_once += 1 if line.startswith("begin") else -1
        most = max(most, at_once)
    assert most == 2


async def test_the_first_that_succeeds_wins_and_the_others_are_cut_off(project):
    flow = """
        tasks:
          - id: won
            race:
              - {tool: slow, with: {name: slow}}
              - {tool: bad, with: {name: bad}}
              - do: [{tool: look, with: {name: a}}, {tool: slow, with: {name: quick, seconds: 0.02}}]
              - {wait: {approval: "Me?"}}
        outputs: {won: "${won}"}
    """
    assert (await project.run(flow)).output == {"won": "quick"}
    assert project.calls.count("end slow") == 0


async def test_a_race_that_nobody_wins_fails(project):
    flow = "tasks: [{race: [{tool: bad, with: {name: a}}, {tool: bad, with: {name: b}}]}]"
    result = await project.run(flow)
    assert result.error["code"] == "flow.not_enough"


async def test_several_may_win(project):
    flow = """
        tasks:
          - id: won
            first: 2
            race:
              - {tool: slow, with: {name: slow}}
              - {tool: slow, with: {name: b, seconds: 0.02}}
              - {tool: look, with: {name: a}}
        outputs: {won: "${won}"}
    """
    assert (await project.run(flow)).output == {"won": ["b", "a"]}


async def test_a_child_run_that_lost_is_cancelled_and_its_end_disturbs_nobody(project):
    project.write('tasks: [{wait: {approval: "Go on?"}}]', "inner")
    flow = """
        tasks:
          - race: [{flow: ./inner.flow.yaml}, {wait: 50ms}]
          - {id: ok, wait: {approval: "And now?"}}
        outputs: {ok: "${ok}"}
    """
    store = MemoryStore()
    async with project.open(store=store) as rt:
        result = await rt.run(project.write(flow), None)
        while result.waits and result.waits[0].kind != "approval":
            result = await rt.wait(result.run_id, beyond=result.waits)
        child = next(row for row in (await rt.store.runs(RunFilter())).items if row.parent)
        while (await rt.look(child.id)).status != "cancelled":
            await asyncio.sleep(0.005)
        while await rt.store.mail(result.agent_id, 10):
            await asyncio.sleep(0.005)
    async with project.open(store=store) as rt:  # another process decides as the first did
        await rt.approve(result.run_id)
        ended = await rt.wait(result.run_id, beyond=result.waits)
        assert ended.output == {"ok": True}
        assert (await rt.replay(result.run_id)).verdict == "same"


async def test_what_a_branch_that_was_cut_off_had_done_is_undone_with_the_rest(project):
    flow = """
        tasks:
          - parallel:
              a:
                - {tool: act, with: {name: a1}, compensate: [{tool: act, with: {name: undo a1}}]}
                - {wait: 1h, finally: [{tool: act, with: {name: a last}}]}
              b: [{tool: slow, with: {name: x, seconds: 0.05}}, {fail: "no"}]
    """
    result = await project.run(flow)
    assert result.error["message"] == "no"
    assert [one for one in project.calls if " x" not in one] == ["a1", "a last", "undo a1"]


async def test_items_side_by_side_end_with_the_first_failure(project):
    flow = """
        tasks:
          - for_each: ${range(50)}
            concurrency: 5
            do: [{if: "${item == 7}", then: [{tool: bad, with: {name: seven}}], else: [{tool: look, with: {name: x}}]}]
    """
    result = await project.run(flow)
    assert result.error["facts"]["step"].endswith("loop/8/condition/then/tool")
    assert len(project.calls) < 20


async def test_a_thousand_steps_side_by_side(project, keys):
    flow = """
        tasks:
          - {id: all, for_each: "${range(1000)}", concurrency: 1000, do: [{tool: number, with: {value: "${item}"}}]}
        outputs: {count: "${length(all)}", sum: "${sum(all)}"}
    """
    async with project.open() as rt:
        result = await rt.run(project.write(flow), None)
        assert result.output == {"count": 1000, "sum": 499500}
        assert len(set(await keys(rt, result.run_id))) == 1000
