"""What people do with runs of flows: look at their steps, fork them at one, go through them, and the graph form."""

from __future__ import annotations

import pytest

from perdure.base.errors import InputError, ReplayDivergence
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter, RunFilter

THREE = """
    inputs: {name: {type: text, default: x}}
    tasks:
      - {id: a, tool: act, with: {name: "${name}1"}}
      - {id: maybe, tool: act, with: {name: never}, if: "${a == 'other'}"}
      - {id: b, parallel: {c: {tool: act, with: {name: "${name}2"}}, d: {tool: WHAT, with: {name: "${name}3"}}}}
      - {id: e, tool: act, with: {name: "${name}4"}}
    outputs: {all: ["${a}", "${c}", "${d}", "${e}"]}
"""


async def test_the_steps_of_a_run_tell_how_far_it_came(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "bad")), None)
        assert result.status == "failed"
        told = {one.place: (one.kind, one.status, one.value) for one in await rt.steps(result.run_id)}
        assert told == {
            "a": ("tool", "done", "x1!"),
            "maybe": ("tool", "skipped", None),
            "b": ("parallel", "failed", None),
            "b/c": ("tool", "done", "x2!"),
            "b/d": ("tool", "failed", None),
        }
        assert len(project.calls) == 3  # looking did nothing


async def test_the_run_of_an_agent_has_no_steps(project):
    async with project.open(answers=["hi"]) as rt:
        result = await rt.run({"name": "one", "model": "scripted/m"}, "hi")
        with pytest.raises(InputError, match="no flow's"):
            await rt.steps(result.run_id)


async def test_a_failed_run_is_gone_on_with_from_a_step_as_the_edited_file_says(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "bad")), None)
        file = project.write(THREE.replace("WHAT", "act"))
        fork = await rt.fork(result.run_id, "b", live=True, target=file)
        assert (await rt.wait(fork)).output == {"all": ["x1!", "x2!", "x3!", "x4!"]}
        assert project.calls == ["x1", "x2", "bad x3", "x2", "x3", "x4"]
        assert (await rt.replay(fork.id)).verdict == "same"


async def test_a_fork_that_is_not_live_changes_nothing(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "act")), None)
        ended = await rt.wait(await rt.fork(result.run_id, "e"))
        assert (ended.status, ended.error["code"]) == ("failed", "run.wrong_state")
        assert project.calls == ["x1", "x2", "x3", "x4"]


async def test_a_step_that_was_edited_before_the_fork_is_found(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "bad")), None)
        file = project.write(THREE.replace("WHAT", "act").replace("${name}1", "other"))
        ended = await rt.wait(await rt.fork(result.run_id, "b", live=True, target=file))
        assert ended.error["code"] == ReplayDivergence.code
        with pytest.raises(InputError, match="has no key"):
            await rt.fork(result.run_id, "nowhere")


async def test_a_fork_asks_child_runs_anew_whose_answers_it_does_not_share(project):
    project.write('tasks: [{wait: {approval: "Go on?"}}, {tool: act, with: {name: inner}}]', "inner")
    flow = """
        tasks:
          - parallel: {a: {flow: ./inner.flow.yaml}, b: {do: [{wait: 20ms}, {id: last, tool: act, with: {name: b}}]}}
    """
    async with project.open() as rt:
        run = await rt.start(project.write(flow), None)
        while "b" not in project.calls:
            await rt.clock.sleep(5)
        fork = await rt.fork(run.id, "parallel/b/last", live=True)
        while not (children := [row for row in await rows(rt) if row.parent == fork.id]):
            await rt.clock.sleep(5)
        await rt.wait(children[0])
        await rt.approve(children[0].id)
        ended = await rt.wait(fork)
        while ended.status == "waiting":
            ended = await rt.wait(fork, beyond=ended.waits)
        assert ended.status == "done"


async def rows(rt):
    return (await rt.store.runs(RunFilter())).items


async def test_somebody_goes_through_a_flow_step_by_step(project):
    async with project.open() as rt:
        run = await rt.start(project.write(THREE.replace("WHAT", "act")), None, stepwise=True)
        result = await rt.wait(run)
        shown = []
        for said in ("continue", "skip", "run"):
            shown.append(result.waits[0].about["about"])
            await rt.approve(run.id, said, key=result.waits[0].key)
            result = await rt.wait(run.id, beyond=result.waits)
        assert shown[0] == {"step": "a", "kind": "tool", "tool": "act", "with": {"name": "x1"}}
        while result.status == "waiting":  # d was asked about already, beside c
            await rt.approve(run.id, "continue", key=result.waits[0].key)
            result = await rt.wait(run.id, beyond=result.waits)
        assert result.output["all"][0] == "x1!"
        assert result.output["all"].count(None) == 1
        assert (await rt.replay(run.id)).verdict == "same"


async def test_whoever_quits_fails_the_run_and_only_flows_go_step_by_step(project):
    async with project.open(answers=["hi"]) as rt:
        run = await rt.start(project.write(THREE.replace("WHAT", "act")), None, stepwise=True)
        await rt.wait(run)
        await rt.approve(run.id, "quit")
        result = await rt.wait(run.id)
        while result.status == "waiting":
            result = await rt.wait(run.id, beyond=result.waits)
        assert (result.status, project.calls) == ("failed", [])
        with pytest.raises(InputError, match="has no steps"):
            await rt.start({"name": "one", "model": "scripted/m"}, "hi", stepwise=True)


async def test_the_nested_and_the_graph_form_write_the_same_records(project):
    nested = """
        tasks:
          - {id: data, tool: look, with: {name: data}}
          - parallel:
              up: {tool: act, with: {name: "${data} up"}}
              down: {tool: act, with: {name: "${data} down"}}
          - {id: end, tool: act, with: {name: "${up}${down}"}, if: "${up == 'data up!'}"}
    """
    graph = """
        nodes:
          data: {tool: look, with: {name: data}}
          up: {tool: act, with: {name: "${data} up"}}
          down: {tool: act, with: {name: "${data} down"}}
          end: {tool: act, with: {name: "${up}${down}"}}
        edges:
          - data -> up, down
          - {from: [up, down], to: end, if: "${up == 'data up!'}"}
    """
    async with project.open() as rt:
        told = [await story(rt, await rt.run(project.write(text), None)) for text in (nested, graph)]
    assert told[0] == told[1]
    assert len(told[0]) == 1 + 1 + 3 * 2 + 1


async def story(rt, result):
    """The records of a run: what they are, of which key, and with which bodies; those of branches in any order."""
    assert result.status == "done", result.error
    records = await rt.store.records(RecordFilter(result.agent_id, result.run_id), limit=1000)
    return sorted((one.type, one.key, "" if one.type == "run.accepted" else bytes(decode(one).body)) for one in records)


async def test_listeners_hear_of_each_step(project):
    async with project.open() as rt:
        heard = [event async for event in rt.stream(project.write(THREE.replace("WHAT", "act")), None)]
        steps = [(event.text, event.data["state"]) for event in heard if event.type == "step"]
        assert steps[:3] == [("a", "started"), ("a", "done"), ("maybe", "skipped")]
        assert steps[-1] == ("e", "done")


async def test_a_trace_shows_steps_with_what_they_did(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "act")), None)
        tree = await rt.trace(result.run_id)
        shown = [(node.name, node.detail["step"], node.status) for node in tree.children]
        assert shown == [
            ("a", "tool", "done"),
            ("maybe", "tool", "skipped"),
            ("b", "parallel", "done"),
            ("e", "tool", "done"),
        ]
        assert [node.name for node in tree.children[2].children] == ["c", "d"]


async def test_a_trace_has_turns_inside_their_loop_and_steps_that_need_no_record(project):
    flow = """
        inputs: {n: integer}
        tasks:
          - for_each: ${range(n)}
            do: [{set: {twice: "${item * 2}"}}, {tool: bad, with: {name: "no ${twice}"}, on_error: ignore}]
          - {id: later, wait: {approval: "Go on?"}}
    """
    async with project.open() as rt:
        result = await rt.run(project.write(flow), 2)
        loop, later = (await rt.trace(result.run_id)).children
        assert (loop.name, loop.detail["step"], loop.status) == ("loop", "loop", "done")
        assert [node.name for node in loop.children] == ["loop/1", "loop/2"]
        twice, bad = loop.children[1].children
        assert (twice.name, twice.summary, twice.duration_ms) == ("set", '{"twice":2}', 0)
        assert (bad.status, bad.children[0].status) == ("done", "failed")
        assert loop.started_at <= twice.started_at <= bad.started_at <= later.started_at
        assert (later.name, later.status) == ("later", "waiting")


async def test_a_flow_whose_file_of_tools_is_gone_is_traced_by_its_records(project):
    async with project.open() as rt:
        result = await rt.run(project.write(THREE.replace("WHAT", "act")), None)
        store = rt.store
        (project.folder / "tools.py").unlink()
        async with project.open(store=store) as rt:
            assert [node.name for node in (await rt.trace(result.run_id)).children] == ["a", "b", "e"]


async def test_a_step_costs_what_the_runs_cost_that_it_began(project):
    flow = """
        agents:
          writer: {model: {provider: scripted, name: m, price: {input: 1, output: 2}}, instructions: Write.}
        tasks: [{id: words, agent: writer, input: Hi}, {id: more, tool: look, with: {name: "${words}"}}]
    """
    async with project.open(answers=["Hello"]) as rt:
        result = await rt.run(project.write(flow), None)
        words, more = await rt.steps(result.run_id)
        (child,) = (await rt.show(result.run_id)).children
        assert words.cost_microusd == (await rt.show(child)).summary.cost_microusd > 0
        assert more.cost_microusd == 0
        assert words.started_at <= more.started_at
