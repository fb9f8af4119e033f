"""What each kind of step does when a flow runs."""

from __future__ import annotations

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InputError
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RecordFilter
from perdure.testing import Scripted, call

TIMELESS = Settings(recover=True, heartbeat_ms=None)


async def until_waiting(rt, run):
    while (await rt.look(run.id)).status != "waiting":
        await rt.clock.sleep(5)


async def test_steps_run_one_after_the_other_and_the_last_gives_the_result(project):
    result = await project.run("tasks: [{id: a, tool: act, with: {name: one}}, {tool: look, with: {name: '${a}'}}]")
    assert (result.status, result.output) == ("done", "one!")
    assert project.calls == ["one", "look one!"]


async def test_inputs_are_typed_and_defaults_stand_for_what_is_left_out(project):
    flow = """
        inputs: {name: text, times: {type: integer, default: 2}, tags: {type: list of text, default: [x]}}
        tasks: [{set: {all: "${name}-${times}-${tags | join(',')}"}}]
        outputs: {all: "${all}"}
    """
    assert (await project.run(flow, "ann")).output == {"all": "ann-2-x"}
    assert (await project.run(flow, {"name": "bob", "times": 3})).output == {"all": "bob-3-x"}
    assert (await project.run(flow, '{"name": "cy", "tags": ["a", "b"]}')).output == {"all": "cy-2-a,b"}
    for bad, why in (
        ({}, "`name` is missing"),
        ({"name": 3}, "expected text"),
        ({"name": "x", "y": 1}, "no input `y`"),
    ):
        with pytest.raises(InputError, match=why):
            await project.run(flow, bad)


async def test_settings_of_a_command_line_are_inputs_by_their_type(project):
    file = project.write("""
        inputs: {name: text, times: integer, deep: {type: mapping, default: {}}}
        tasks: [{set: {all: ["${name}", "${times}", "${deep}"]}}]
        outputs: {all: "${all}"}
    """)
    async with project.open() as rt:
        result = await rt.run(file, None, overrides=["name=7", "times=7", 'deep={"a": 1}'])
        assert result.output == {"all": ["7", 7, {"a": 1}]}
        with pytest.raises(InputError, match="expected integer"):
            await rt.run(file, "x", overrides=["times=often"])


async def test_a_step_whose_condition_is_false_is_skipped_with_the_result_null(project):
    flow = """
        tasks:
          - {id: a, tool: act, with: {name: a}, if: "${1 > 2}"}
          - {set: {seen: "${a ?? 'nothing'}", ran: "${'a' in done}"}}
        outputs: {seen: "${seen}", ran: "${ran}"}
    """.replace("${1 > 2}", "${run.flow == 'other'}")
    assert (await project.run(flow)).output == {"seen": "nothing", "ran": False}
    assert project.calls == []


async def test_the_first_true_case_runs_or_else_the_last(project):
    flow = """
        inputs: {n: integer}
        tasks:
          - if: ${n < 2}
            then: [{tool: act, with: {name: small}}]
            elif:
              - {if: "${n < 5}", then: [{tool: act, with: {name: middle}}]}
              - {if: "${n < 9}", then: [{tool: act, with: {name: large}}]}
            else: [{tool: act, with: {name: huge}}]
          - switch: ${n}
            cases: {"1, 3": [{set: {kind: odd}}], "2": [{set: {kind: even}}]}
            default: [{set: {kind: other}}]
        outputs: {kind: "${kind}"}
    """
    kinds = [(await project.run(flow, n)).output["kind"] for n in (1, 3, 7, 20)]
    assert kinds == ["odd", "odd", "other", "other"]
    assert project.calls == ["small", "middle", "large", "huge"]


async def test_agents_are_child_runs_with_an_answer_of_the_promised_shape(project):
    flow = """
        agents:
          sorter: {model: scripted/m, output: {type: object, properties: {kind: {type: string}}, required: [kind]}}
        tasks: [{id: sorted, agent: sorter, input: "Sort this."}]
        outputs: {kind: "${sorted.kind}"}
    """
    assert (await project.run(flow, answers=['{"kind": "refund"}'])).output == {"kind": "refund"}


async def test_an_agent_calls_tools_of_its_own(project):
    flow = """
        agents: {worker: {model: scripted/m, tools: ["./tools.py:act"]}}
        tasks: [{agent: worker, input: "Do it."}]
    """
    result = await project.run(flow, answers=[call("act", name="x"), "It is done."])
    assert (result.output, project.calls) == ("It is done.", ["x"])


async def test_flows_within_flows_give_their_outputs(project):
    project.write(
        """
        inputs: {n: integer}
        tasks: [{id: n2, tool: number, with: {value: "${n * 2}"}, output: integer}]
        outputs: {double: "${n2}"}
    """,
        "inner",
    )
    flow = """
        tasks:
          - {id: a, flow: ./inner.flow.yaml, with: {n: 4}}
          - {id: b, flow: ./inner.flow.yaml, with: {n: "${a.double}"}}
        outputs: {all: "${b.double}"}
    """
    assert (await project.run(flow)).output == {"all": 16}


async def test_what_a_flow_within_fails_with_can_be_dealt_with(project):
    project.write("tasks: [{tool: bad, with: {name: deep}}]", "inner")
    flow = """
        tasks:
          - {id: a, flow: ./inner.flow.yaml, on_error: [{set: {said: "${error.code}: ${error.message}"}}]}
        outputs: {said: "${said}"}
    """
    said = (await project.run(flow)).output["said"]
    assert said.startswith("tool.did_nothing: ./inner.flow.yaml: deep is bad")


async def test_variables_last_over_the_turns_of_a_loop_and_results_do_not(project):
    flow = """
        tasks:
          - set: {total: 0}
          - id: turns
            for_each: ${[3, 4, 5]}
            as: n
            do:
              - {id: twice, tool: number, with: {value: "${n * 2}"}, output: integer}
              - set: {total: "${total + twice}", last: "${index}"}
        outputs: {total: "${total}", turns: "${turns}"}
    """
    output = (await project.run(flow)).output
    assert output == {
        "total": 24,
        "turns": [{"total": 6, "last": 0}, {"total": 14, "last": 1}, {"total": 24, "last": 2}],
    }


async def test_loops_turn_while_or_until_and_never_more_than_their_limit(project):
    flow = """
        inputs: {most: integer}
        tasks:
          - set: {n: 0}
          - {while: "${n < most}", limit: 5, do: [{set: {n: "${n + 1}"}}]}
          - {id: tries, until: "${m >= 3}", limit: 5, do: [{set: {m: "${index + 1}"}}]}
        outputs: {n: "${n}", tries: "${tries.m}"}
    """
    assert (await project.run(flow, 4)).output == {"n": 4, "tries": 3}
    assert (await project.run(flow, 0)).output["n"] == 0
    result = await project.run(flow, 6)
    assert (result.status, result.error["code"]) == ("failed", "flow.loop_limit")


async def test_items_side_by_side_keep_their_order_and_are_reduced(project):
    flow = """
        tasks:
          - id: sum
            map: ${range(20)}
            do: [{tool: number, with: {value: "${item + 1}"}, output: integer}]
            reduce: [{set: {sum_of: "${sum(results)}", first_of: "${first(results)}"}}]
        outputs: {all: "${sum}"}
    """
    result = await project.run(flow)
    assert result.output == {"all": {"sum_of": 210, "first_of": 1}}


async def test_settings_hold_inside_a_step_and_the_environment_is_on_record(project):
    flow = """
        env: {REGION: EU}
        tasks:
          - {id: inside, env: {REGION: US}, do: [{set: {a: "${env.REGION}"}}]}
          - set: {b: "${env.REGION}", c: "${env.WHERE}"}
        outputs: {all: ["${a}", "${b}", "${c}"]}
    """
    result = await project.run(flow, environment={"WHERE": "home"})
    assert result.output == {"all": ["US", "EU", "home"]}


SECRET = """
    inputs: {most: integer}
    tasks:
      - id: first
        tool: act
        with: {name: a}
        compensate: [{tool: act, with: {name: "undo ${env.API_TOKEN == 'new'}"}}]
      - for_each: ${range(most)}
        do: [{tool: number, with: {value: "${item}"}}, {wait: {approval: "?"}, if: "${item == 150}"}]
      - set: {seen: "${[env.API_TOKEN == 'new', env.DATABASE == 'new', env.WHERE]}"}
      - {if: "${most > 200}", then: [{fail: "too many"}]}
    outputs: {seen: "${seen}"}
"""
OLD = {"API_TOKEN": "only-me-to-know", "DATABASE": "pg://me:only-me-to-know@db", "WHERE": "home"}


@pytest.mark.parametrize(("most", "output"), [(160, {"seen": [True, True, "home"]}), (201, None)])
async def test_a_secret_of_the_environment_is_not_on_record_but_read_again(project, most, output):
    store = MemoryStore()
    async with project.open(store=store, environment=OLD) as rt:
        waiting = await rt.run(project.write(SECRET), most)
        row = await store.load_run(waiting.run_id)
        assert waiting.status == "waiting" and row.checkpoint_seq
    async with project.open(store=store, environment={name: "new" for name in OLD}) as rt:
        await rt.approve(waiting.run_id)
        result = await rt.wait(waiting.run_id, beyond=waiting.waits)
        assert result.output == output
    records = await store.records(RecordFilter(row.agent_id, row.id), limit=10_000)
    written = b"".join(record.data + (record.payload or b"") for record in records)
    assert b"home" in written and b"only-me-to-know" not in written
    assert project.calls == (["a"] if output else ["a", "undo true"])


async def test_what_is_not_set_in_the_environment_is_what_is_written_for_it(project):
    flow = """
        tasks: [{set: {where: "${env.NOWHERE ?? 'here'}"}}]
        outputs: {where: "${where}"}
    """
    assert (await project.run(flow)).output == {"where": "here"}


async def test_a_person_is_asked_and_the_answer_is_the_result(project):
    flow = """
        tasks:
          - {id: ok, wait: {approval: "Send ${1 + 1}?", about: {to: ann}}}
          - {id: which, wait: {approval: "Which?", options: [red, green]}}
        outputs: {ok: "${ok}", which: "${which}"}
    """
    async with project.open() as rt:
        result = await rt.run(project.write(flow), None)
        assert [(one.kind, one.about["question"]) for one in result.waits] == [("approval", "Send 2?")]
        await rt.approve(result.run_id)
        result = await rt.wait(result.run_id, beyond=result.waits)
        await rt.approve(result.run_id, "blue")
        result = await rt.wait(result.run_id, beyond=result.waits)
        assert result.waiting_for == "approval"  # blue is no answer: it asks again
        await rt.approve(result.run_id, "green")
        result = await rt.wait(result.run_id, beyond=result.waits)
        assert result.output == {"ok": True, "which": "green"}


async def test_timers_and_approvals_last_for_days(project):
    clock = ManualClock()
    flow = """
        tasks:
          - wait: 2d
          - {id: ok, wait: {approval: "Go on?", timeout: 1d, default: late}}
          - wait: {until: "${1750000000000 + 4 * 86400000}"}
        outputs: {ok: "${ok}"}
    """
    async with project.open(clock=clock, settings=TIMELESS) as rt:
        run = await rt.start(project.write(flow), None)
        for _ in range(4):
            await clock.advance(86_400_000 - 1)
            assert (await rt.look(run.id)).status == "waiting"
            await clock.advance(1)
        assert (await rt.wait(run)).output == {"ok": "late"}


async def test_events_are_published_and_waited_for(project):
    project.write(
        """
        inputs: {order: integer}
        tasks:
          - {id: paid, wait: {event: "orders.*", match: "${event.id == order}", timeout: 1h}}
        outputs: {amount: "${paid.amount}"}
    """,
        "waiter",
    )
    flow = """
        tasks:
          - {id: sent, emit: orders.paid, with: {id: 1, amount: 5}}
          - {emit: orders.paid, with: {id: 2, amount: 7}}
    """
    async with project.open(recover=True) as rt:
        one, two = [await rt.start("waiter.flow.yaml", {"order": order}) for order in (2, 1)]
        for run in (one, two):
            await until_waiting(rt, run)
        await rt.run(project.write(flow), None)
        assert [(await rt.wait(run)).output for run in (one, two)] == [{"amount": 7}, {"amount": 5}]


HEARS = """
    tasks: [{id: paid, wait: {event: orders.paid, match: "${event.id == 7}"}}]
    outputs: {paid: "${paid}"}
"""
ON_DISK = {"store": None, "settings": Settings(poll_ms=20)}


async def test_a_flow_hears_another_process_also_where_nobody_takes_over_what_lies_idle(project):
    async with project.open(**ON_DISK) as rt, project.open(**ON_DISK) as other:
        run, bystander = [await one.start(project.write(HEARS), None) for one in (rt, other)]
        await until_waiting(rt, run)
        await until_waiting(other, bystander)
        for id in (6, 7):
            await other.publish("orders.paid", {"id": id})
        assert (await rt.wait(run)).output == {"paid": {"id": 7}}
        assert (await other.wait(bystander)).output == {"paid": {"id": 7}}


async def test_a_flow_that_is_gone_on_with_hears_what_came_meanwhile(project):
    async with project.open(**ON_DISK) as rt:
        run = await rt.start(project.write(HEARS), None)
        await until_waiting(rt, run)
    async with project.open(**ON_DISK) as rt:
        await rt.publish("orders.paid", {"id": 7})
    async with project.open(**ON_DISK) as rt:
        assert (await rt.resume(run.id)).output == {"paid": {"id": 7}}


async def test_two_waits_for_one_topic_both_hear_all_of_it(project):
    flow = """
        tasks:
          - parallel:
              a: {wait: {event: "paid", match: "${event.id == 1}"}}
              b: {wait: {event: "paid", match: "${event.id == 2}"}}
        outputs: {all: ["${a.id}", "${b.id}"]}
    """
    sender = "tasks: [{emit: paid, with: {id: 2}}, {emit: paid, with: {id: 1}}]"
    async with project.open(recover=True) as rt:
        run = await rt.start(project.write(flow), None)
        await until_waiting(rt, run)
        await rt.run(project.write(sender, "sender"), None)
        assert (await rt.wait(run)).output == {"all": [1, 2]}


async def test_a_flow_fails_where_it_says_so(project):
    result = await project.run('tasks: [{set: {n: 3}}, {fail: "Only ${n} rows."}]')
    assert result.error["code"] == "flow.failed"
    assert (result.error["message"], result.error["facts"]["step"]) == ("Only 3 rows.", "fail")


async def test_a_result_of_another_shape_fails_the_step(project):
    result = await project.run("tasks: [{id: n, tool: look, with: {name: x}, output: integer}]")
    assert result.error["code"] == "flow.wrong_result"


async def test_agents_of_one_flow_are_asked_side_by_side(project):
    flow = """
        agents: {a: {model: scripted/m}, b: {model: scripted/m}}
        tasks: [{parallel: {one: {agent: a, input: first}, two: {agent: b, input: second}}}]
    """
    model = Scripted(lambda request: "1" if "first" in request.messages[-1].text else "2", name="scripted/m")
    result = await project.run(flow, answers=model)
    assert result.output == {"one": "1", "two": "2"}
