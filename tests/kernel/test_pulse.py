"""The pulse and the lease: who is alive, what is due, what nobody does."""

from __future__ import annotations

from perdure.base.errors import StoreBusy
from perdure.kernel.leases import Lease
from perdure.kernel.pulse import Pulse
from perdure.kernel.settings import Settings
from perdure.kernel.store.ops import PutAgent, SetTimer
from perdure.kernel.store.rows import AgentRow, RunFilter, Timer


class Woken:
    def __init__(self):
        self.agents = []
        self.nudges = 0

    def fire(self, agent_id):
        self.agents.append(agent_id)

    def find_work(self, agent_id):
        self.agents.append(agent_id)

    def nudge(self):
        self.nudges += 1


def pulse(world, **settings):
    woken = Woken()
    given = Settings(**settings)
    lease = Lease(world.store, world.clock, given, "wrk_1")
    return Pulse(world.store, world.clock, given, lease, woken), lease, woken


async def timer(world, key, in_ms):
    row = AgentRow("ann", "spec", 0)
    await world.store.commit([PutAgent(row), SetTimer(Timer("ann", "run_1", key, world.clock.now() + in_ms))])


async def test_a_lease_is_held_once_and_renewed_when_it_is_due(world):
    lease = Lease(world.store, world.clock, Settings(heartbeat_ms=1_000), "wrk_1")
    assert not lease.is_due  # what holds nothing renews nothing
    await lease.hold()
    (row,) = await world.store.workers()
    assert (row.id, row.heartbeat_at) == ("wrk_1", world.clock.now())
    await world.pass_time(500)
    await lease.hold()
    assert not lease.is_due
    await world.pass_time(500)
    assert lease.is_due
    await lease.renew()
    (row,) = await world.store.workers()
    assert row.heartbeat_at == world.clock.now()


async def test_a_lease_can_be_done_without(world):
    lease = Lease(world.store, world.clock, Settings(heartbeat_ms=None), "wrk_1")
    await lease.hold()
    assert (await world.store.workers(), lease.is_due) == ([], False)


async def test_the_pulse_keeps_a_held_lease_fresh(world):
    beat, lease, _ = pulse(world, heartbeat_ms=1_000, poll_ms=250)
    await lease.hold()
    beat.start()
    beat.start()  # a second start changes nothing
    await world.pass_time(10_000)
    (row,) = await world.store.workers()
    assert world.clock.now() - row.heartbeat_at <= 1_250
    await beat.stop()
    await beat.stop()


async def test_a_timer_wakes_its_agent_when_it_is_due_without_polling(world):
    await timer(world, "sleep", 5_000)
    beat, _, woken = pulse(world, heartbeat_ms=None)
    beat.start()
    await world.pass_time(4_999)
    assert woken.agents == []
    await world.pass_time(1)
    assert woken.agents[:1] == ["ann"]
    await beat.stop()


async def test_a_timer_set_meanwhile_is_seen_at_once_when_told(world):
    beat, _, woken = pulse(world, heartbeat_ms=None)
    beat.start()
    await world.pass_time(1_000)
    await timer(world, "sleep", 100)
    beat.hurry()
    await world.pass_time(150)
    assert woken.agents[:1] == ["ann"]
    await beat.stop()


async def test_an_overdue_timer_of_somebody_else_does_not_make_the_pulse_spin(world):
    await timer(world, "sleep", -1_000)
    beat, _, woken = pulse(world, poll_ms=250)
    beat.start()
    await world.pass_time(10_000)
    assert 30 <= len(woken.agents) <= 45
    await beat.stop()


async def test_trouble_with_the_store_is_remembered_and_survived(world):
    beat, _, woken = pulse(world, poll_ms=250)
    due = world.store.due

    async def busy(now, limit):
        raise StoreBusy("locked")

    world.store.due = busy
    beat.start()
    await world.pass_time(1_000)
    assert isinstance(beat.trouble, StoreBusy)
    world.store.due = due
    await timer(world, "sleep", 0)
    await world.pass_time(1_000)
    assert beat.trouble is None and woken.agents
    await beat.stop()


async def test_trouble_while_looking_for_the_next_timer_is_survived_too(world):
    beat, _, woken = pulse(world, poll_ms=250)
    next_due = world.store.next_due

    async def busy():
        raise StoreBusy("locked")

    world.store.next_due = busy
    beat.start()
    await world.pass_time(1_000)
    world.store.next_due = next_due
    await timer(world, "sleep", 0)
    await world.pass_time(1_000)
    assert woken.agents
    await beat.stop()


async def test_other_processes_are_noticed(world):
    beat, _, woken = pulse(world, poll_ms=250)
    changes = iter([1, 1, 2, *[3] * 100])
    world.store.changed = lambda: next(changes)
    beat.start()
    await world.pass_time(2_000)
    assert woken.nudges == 3
    await beat.stop()


async def test_a_recovering_engine_takes_over_within_seconds_of_the_last_heartbeat(world):
    @world.handler()
    async def work(ctx):
        await ctx.sleep(0)
        return "done"

    world.crash_at = "accept.after_commit"
    first = await world.engine()
    try:
        await world.submit()
    except BaseException as error:
        assert str(error) == "accept.after_commit"
    second = await world.engine(recover=True)
    await first._pulse.stop()
    began = world.clock.now()
    (run,) = (await world.store.runs(RunFilter())).items
    while (await world.row(run)).status != "done":
        await world.pass_time(250)
        assert world.clock.now() - began < 5_000
    assert (await world.records(run, "run.resumed"))[0][1].worker == second.worker
    first._closing = True
    await world.close()


async def test_what_makes_trouble_is_left_alone_for_a_while(world):
    tries = []

    @world.handler()
    async def work(ctx):
        return await ctx.ask("?")

    await world.engine()
    run = (await world.run()).run
    await world.close()
    program = world.shelf.program

    async def broken(digest):
        tries.append(world.clock.now())
        raise RuntimeError("the file has a syntax error")

    world.shelf.program = broken
    await world.engine(recover=True)
    await world.tell(run, "approval", "yes", "ask")
    await world.pass_time(12_000)
    assert 2 <= len(tries) <= 4
    world.shelf.program = program
    await world.pass_time(6_000)
    assert (await world.row(run)).status == "done"
    await world.close()
