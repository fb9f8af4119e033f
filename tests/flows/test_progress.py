"""Long flows: checkpoints, memory, the size of the journal, and going on in the middle."""

from __future__ import annotations

import tracemalloc

from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RecordFilter

COUNTING = """
    inputs: {most: integer}
    tasks:
      - set: {n: 0}
      - while: ${n < most}
        limit: 20000
        do:
          - {id: one, tool: number, with: {value: "${n}"}, output: integer}
          - set: {n: "${one + 1}"}
    outputs: {n: "${n}"}
"""


async def journal(rt, run_id):
    """How many records a run has, how many bytes, and how many checkpoints."""
    row = await rt.store.load_run(run_id)
    count, size, checkpoints, after = 0, 0, 0, 0
    while page := await rt.store.records(RecordFilter(row.agent_id, run_id), after=after, limit=1000):
        count += len(page)
        size += sum(len(record.data) for record in page)
        checkpoints += sum(record.type == "checkpoint" for record in page)
        after = page[-1].seq
    return count, size, checkpoints


async def test_ten_thousand_turns_take_memory_of_one_and_a_journal_that_grows_in_line(project):
    async with project.open(store=None) as rt:  # on disk: a store in memory would grow itself
        file = project.write(COUNTING)
        small = await rt.run(file, 500)
        tracemalloc.start()
        try:
            await rt.run(file, 1_000)
            _, little = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            large = await rt.run(file, 10_000)
            _, much = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (small.output, large.output) == ({"n": 500}, {"n": 10_000})
        assert much < 1.5 * little
        (few, bytes_few, _), (many, bytes_many, checkpoints) = [await journal(rt, one.run_id) for one in (small, large)]
        assert 19 < many / few < 21
        assert 19 < bytes_many / bytes_few < 22
        assert checkpoints == 200


async def test_results_that_are_kept_make_checkpoints_rarer_not_the_journal_longer(project):
    flow = """
        inputs: {most: integer}
        tasks: [{id: all, for_each: "${range(most)}", do: [{tool: look, with: {name: "${'x' | repeat(50)}"}}]}]
        outputs: {count: "${length(all)}"}
    """.replace("${'x' | repeat(50)}", "x" * 50)
    async with project.open() as rt:
        file = project.write(flow)
        (_, few, _), (_, many, _) = [await journal(rt, (await rt.run(file, n)).run_id) for n in (400, 4_000)]
        assert many / few < 12


NESTED = """
    tasks:
      - set: {seen: []}
      - {id: before, tool: act, with: {name: before}, compensate: [{tool: act, with: {name: "undo ${before}"}}]}
      - if: ${length(seen) == 0}
        then:
          - id: outer
            for_each: ${range(3)}
            as: a
            do:
              - {id: double, tool: number, with: {value: "${a * 2}"}, output: integer}
              - id: inner
                for_each: ${range(120)}
                as: b
                index: place
                do:
                  - {id: c, tool: number, with: {value: "${b}"}, output: integer}
                  - {set: {seen: "${[a, b, double, c]}"}}
                  - if: ${a == 2 and b == 110}
                    then: [{wait: {approval: "Go on?"}}]
              - {set: {after: "${length(inner)}"}}
      - {tool: act, with: {name: after}}
    outputs: {last: "${seen}", outer: "${outer}"}
"""


async def test_a_run_goes_on_from_a_checkpoint_deep_inside_loops(project):
    store = MemoryStore()
    async with project.open(store=store) as rt:
        waiting = await rt.run(project.write(NESTED), None)
        assert waiting.waiting_for == "approval"
        assert (await rt.store.load_run(waiting.run_id)).checkpoint_seq
    async with project.open(store=store) as rt:
        await rt.approve(waiting.run_id)
        result = await rt.wait(waiting.run_id, beyond=waiting.waits)
        assert result.output == {"last": [2, 119, 4, 119], "outer": [{"after": 120}] * 3}
    assert project.calls == ["before", "after"]


async def test_what_was_done_before_a_checkpoint_is_undone_after_it(project):
    flow = NESTED.replace("- {tool: act, with: {name: after}}", '- {fail: "no"}')
    async with project.open() as rt:
        waiting = await rt.run(project.write(flow), None)
        await rt.cancel(waiting.run_id)
    assert project.calls == ["before", "undo before!"]
