"""Random commits: both stores do the same, and what a plain model of journal, inbox, leases and money says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from perdure.base.codec import digest_bytes
from perdure.base.errors import PerdureError
from perdure.kernel.records import Record
from perdure.kernel.store import ops
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import AgentRow, EventFilter, MarkRow, RecordFilter, RunFilter, RunRow, Timer, WorkerRow
from perdure.kernel.store.sqlite import SqliteStore

AGENTS = ("a", "b", "c")
RUNS = {"r1": "a", "r2": "a", "r3": "b", "run_" + "0a" * 16: "c"}
PARENTS = {"r2": "r1", "r3": "r2"}
SCOPES = ("day", "project")
BLOB = digest_bytes(b"body")

agents = st.sampled_from(AGENTS)
runs = st.sampled_from(sorted(RUNS))
values = st.sampled_from(["note", "note:1", "note:2"])
contents = st.sampled_from([b"", b"1", b"2"])
requests = st.sampled_from(["ask:1", "ask:2", "ask:3", "other"])
envelopes = st.sampled_from([f"e{n}" for n in range(6)])
keys = st.sampled_from(["k1", "k2"])
workers = st.sampled_from(["w1", "w2"])
times = st.integers(0, 20)
small = st.integers(0, 60)
status = st.sampled_from(["queued", "running", "waiting", "failed", "done"])
policies = st.sampled_from(["reject_new", "drop_oldest", "dead_letter"])
types = st.sampled_from(["effect.intended", "effect.done"])
limits = st.builds(
    ops.ScopeLimit,
    st.sampled_from((*SCOPES, "run:r1", "run:r2", "agent:a:day")),
    st.sampled_from([None, 50, 100]),
    st.integers(0, 2),
)
scopes = st.lists(limits, min_size=1, max_size=2).map(tuple)
envelope_ids = st.lists(envelopes, max_size=3).map(tuple)


def _records(run_id: str, made: list[tuple[str, str, str]]) -> ops.Append:
    agent_id = RUNS[run_id]
    return ops.Append(
        agent_id, tuple(Record(agent_id, run_id, key, type, 1, key.encode(), blob) for key, type, blob in made)
    )


appends = st.builds(_records, runs, st.lists(st.tuples(keys, types, st.sampled_from(["", "", BLOB])), max_size=3))
deliveries = st.builds(
    lambda agent_id, id, priority, capacity, policy, run_id, taken: ops.Deliver(
        agent_id, id, "message", id.encode(), 1, run_id, priority, None, capacity, policy, taken
    ),
    agents, envelopes, st.sampled_from([10, 50]), st.integers(0, 2), policies, st.sampled_from(["", "", "r1"]),
    st.sampled_from([False, False, True]),
)  # fmt: skip
publications = st.builds(ops.PublishEvent, envelopes, st.sampled_from(["a", "a.b", "a.c"]), st.just(b"event"), times)
keeps = st.one_of(st.none(), st.integers(0, 3))
most = st.integers(1, 3)
owners = st.sampled_from(["", "", *AGENTS])
operations = st.one_of(
    appends,
    appends,
    deliveries,
    deliveries,
    st.builds(lambda id, spec, owner: ops.PutAgent(AgentRow(id, spec, 1, owner)), agents, keys, st.just("")),
    st.builds(
        lambda id, state, spec: ops.PutRun(RunRow(id, RUNS[id], spec, "e", state, 1, parent=PARENTS.get(id, ""))),
        runs,
        status,
        keys,
    ),
    st.builds(ops.Acknowledge, agents, envelope_ids),
    st.builds(ops.PutDeadLetter, agents, envelopes, st.just("expired"), times, st.just(b"x")),
    st.builds(ops.DropDeadLetter, agents, envelopes),
    st.builds(lambda run_id, key, due: ops.SetTimer(Timer(RUNS[run_id], run_id, key, due)), runs, keys, times),
    st.builds(ops.CancelTimer, runs, st.sampled_from(["", "k1"])),
    st.builds(ops.Claim, agents, workers),
    st.builds(ops.Unclaim, agents, workers),
    st.builds(lambda id, at: ops.Heartbeat(WorkerRow(id, at, host="here")), workers, times),
    st.builds(ops.ForgetWorker, workers),
    st.builds(ops.Reserve, keys, runs, small, scopes),
    st.builds(ops.Settle, keys, small),
    st.builds(ops.SetLimit, st.sampled_from(SCOPES), st.one_of(st.none(), small)),
    st.builds(ops.MarkWarned, st.sampled_from(SCOPES), st.integers(0, 2)),
    st.builds(ops.Retire, st.lists(runs, max_size=2).map(tuple)),
    st.builds(ops.MarkSeen, agents, envelope_ids, st.integers(1, 3)),
    st.builds(ops.PutValue, agents, values, contents, times),
    st.builds(ops.PutValue, agents, values, contents, times),
    st.builds(ops.DropValue, agents, values),
    st.builds(ops.Remember, requests, contents, times, times, st.integers(1, 3)),
    st.builds(ops.ForgetExpired, times),
    publications,
    publications,
    st.builds(ops.TrimEvents, st.sampled_from(["a", "a.b"]), small, times, keeps, most),
    st.builds(lambda name, seq, agent_id: ops.PutMark(MarkRow(name, seq, 1, b"", agent_id)), keys, times, owners),
    st.builds(ops.DropMark, keys),
    st.builds(ops.PutSpec, keys, st.just(b"spec"), times),
    st.builds(ops.PutBlob, st.sampled_from([BLOB, "other"]), st.just(b"body")),
    st.builds(ops.CollectGarbage, times),
)
guards = st.one_of(
    st.builds(ops.HasFence, agents, workers, st.integers(0, 3)),
    st.builds(ops.Claimable, agents, workers, times),
    st.builds(ops.NoAgent, agents),
    st.builds(ops.NewEnvelope, agents, envelopes),
    st.builds(ops.RunIs, runs, st.lists(status, max_size=3).map(tuple)),
    st.builds(ops.NoKey, runs, keys, types),
    st.builds(ops.NotRemembered, requests, times),
    st.builds(ops.TimerIs, runs, keys, times),
    st.builds(ops.ValueIs, agents, values, st.one_of(st.none(), contents.map(digest_bytes))),
    st.builds(ops.MarkIs, keys, st.one_of(st.none(), times)),
    st.builds(ops.WithinBudget, small, scopes),
    st.builds(ops.NotWarned, st.sampled_from(SCOPES), st.integers(0, 2)),
)


class Model:
    """What commits that succeeded have made of the world, in the plainest terms."""

    def __init__(self) -> None:
        self.agents: set[str] = set()
        self.journal: list[tuple[int, str, str]] = []  # seq, run, key
        self.waiting: dict[str, list[str]] = {id: [] for id in AGENTS}
        self.gone: dict[str, set[str]] = {id: set() for id in AGENTS}
        self.fences: dict[str, int] = dict.fromkeys(AGENTS, 0)
        self.owners: dict[str, str] = dict.fromkeys(AGENTS, "")
        self.money: dict[str, tuple[int, int, int]] = {}  # scope: period, reserved, spent
        self.reserved: dict[str, tuple[int, dict[str, int]]] = {}
        self.values: dict[tuple[str, str], bytes] = {}
        self.answers: dict[str, tuple[bytes, int]] = {}  # key: data, expires_at; the oldest first
        self.last_seq = 0

    def take(self, op: ops.Op, result: Any) -> None:
        match op:
            case ops.Append(agent_id, records):
                assert agent_id in self.agents
                assert result == list(range(self.last_seq + 1, self.last_seq + 1 + len(records)))
                self.last_seq += len(records)
                self.journal += [(seq, one.run_id, one.key) for seq, one in zip(result, records, strict=True)]
            case ops.PutAgent(row):
                self.agents.add(row.id)
            case ops.Deliver(agent_id, id):
                known = id in self.waiting[agent_id] or id in self.gone[agent_id]
                assert (result == "duplicate") == known
                if op.taken and not known:
                    self.gone[agent_id].add(id)
                elif result in ("delivered", "dropped_oldest"):
                    self.waiting[agent_id].append(id)
            case ops.Acknowledge(agent_id, ids):
                taken = set(ids) & set(self.waiting[agent_id])
                self.gone[agent_id] |= taken
                self.waiting[agent_id] = [id for id in self.waiting[agent_id] if id not in taken]
            case ops.Claim(agent_id, worker):
                self.fences[agent_id] += 1
                self.owners[agent_id] = worker
                assert result == self.fences[agent_id]
            case ops.Unclaim(agent_id, worker):
                if self.owners[agent_id] == worker:
                    self.owners[agent_id] = ""
            case ops.PutValue(agent_id, key, data):
                self.values[agent_id, key] = data
                assert result == digest_bytes(data)
            case ops.DropValue(agent_id, key):
                assert result == (self.values.pop((agent_id, key), None) is not None)
            case ops.Remember(key, data, at, expires_at, keep):
                before = self.answers.get(key)
                if before and before[1] > at:
                    assert result == before[0]
                    return
                assert result == data
                self.answers.pop(key, None)
                self.answers[key] = data, expires_at
                if len(self.answers) > keep:
                    self.forget_expired(at)
                    self.answers = dict(list(self.answers.items())[-keep:])
            case ops.ForgetExpired(now):
                assert result == self.forget_expired(now)
            case ops.CollectGarbage(now):
                assert result["answers"] == self.forget_expired(now)
            case ops.Reserve(id, _, amount, limits) if id not in self.reserved:
                periods = {}
                for limit in {limit.id: limit for limit in reversed(limits)}.values():
                    period, reserved, spent = self.money.get(limit.id, (-1, 0, 0))
                    if period < limit.period:
                        period, reserved, spent = limit.period, 0, 0
                    self.money[limit.id] = period, reserved + amount, spent
                    periods[limit.id] = period
                self.reserved[id] = amount, periods
            case ops.Settle(id, spent_now):
                amount, periods = self.reserved.pop(id, (0, {}))
                for scope, then in periods.items():
                    period, reserved, spent = self.money.get(scope, (-1, 0, 0))
                    if period == then:
                        self.money[scope] = period, reserved - amount, spent + spent_now
                shown = {row.id: (row.period, row.reserved, row.spent) for row in result if row.id in SCOPES}
                assert shown.items() <= self.money.items()
            case ops.SetLimit(id, _):
                self.money.setdefault(id, (0, 0, 0))

    def forget_expired(self, now: int) -> int:
        before = len(self.answers)
        self.answers = {key: answer for key, answer in self.answers.items() if answer[1] > now}
        return before - len(self.answers)

    def forget(self, agent_id: str) -> None:
        self.agents.discard(agent_id)
        self.journal = [one for one in self.journal if RUNS[one[1]] != agent_id]
        self.waiting[agent_id], self.gone[agent_id] = [], set()
        self.fences[agent_id], self.owners[agent_id] = 0, ""
        self.values = {at: data for at, data in self.values.items() if at[0] != agent_id}


class Stores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.loop = asyncio.new_event_loop()
        self.memory = MemoryStore()
        self.sqlite = SqliteStore.open(f"{self.folder}/store.db")
        self.model = Model()
        self.deleted: set[str] = set()

    def teardown(self) -> None:
        self.loop.run_until_complete(self.sqlite.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def _commit(self, operations: list[ops.Op], guards: list[ops.Guard]) -> list[Any] | None:
        """The results that both stores give, None where both refuse for the same reason."""

        async def outcome(store: MemoryStore | SqliteStore) -> Any:
            try:
                return await store.commit(operations, guards)
            except PerdureError as error:
                return error.as_dict()

        expected = self.loop.run_until_complete(outcome(self.memory))
        assert self.loop.run_until_complete(outcome(self.sqlite)) == expected
        return expected if isinstance(expected, list) else None

    @rule(operations=st.lists(operations, min_size=1, max_size=5), guards=st.lists(guards, max_size=1))
    def commit(self, operations: list[ops.Op], guards: list[ops.Guard]) -> None:
        operations = [op for op in operations if not (isinstance(op, ops.PutRun) and op.row.id in self.deleted)]
        results = self._commit(operations, guards)
        for op, result in zip(operations, results or (), strict=bool(results)):
            self.model.take(op, result)
            if isinstance(op, ops.Deliver) and result == "dropped_oldest":
                kept = {id for id, _, _ in self._inbox(op.agent_id)}
                self.model.waiting[op.agent_id] = [id for id in self.model.waiting[op.agent_id] if id in kept]

    @rule(operations=st.lists(st.one_of(deliveries, appends), min_size=1, max_size=3))
    def commit_for_agents_that_are_there(self, operations: list[ops.Op]) -> None:
        self.commit([*(ops.PutAgent(AgentRow(id, "spec", 1)) for id in AGENTS), *operations], [])

    @rule(run_id=runs)
    def delete_run(self, run_id: str) -> None:
        row = self.loop.run_until_complete(self.memory.load_run(run_id))
        if row is None or self._ask("records", RecordFilter(agent_id=row.agent_id), before=row.first_seq):
            return  # records from before its row are none of a run's
        self._commit([ops.DeleteRun(run_id)], [])
        self.deleted.add(run_id)
        self.model.journal = [one for one in self.model.journal if one[1] != run_id]
        self._look_at_money()

    @rule(agent_id=agents)
    def delete_agent(self, agent_id: str) -> None:
        self._commit([ops.DeleteAgent(agent_id)], [])
        self.model.forget(agent_id)
        self._look_at_money()

    @rule(agent_id=agents)
    def move_agent(self, agent_id: str) -> None:
        """Take a snapshot, which is the same of both stores, delete the agent, and put it back."""
        if agent_id not in self.model.agents:
            return
        taken = self._ask("snapshot", agent_id)
        if self._commit([ops.DeleteAgent(agent_id), ops.Restore(taken)], []) is None:
            assert self._ask("verify", agent_id) != [] or taken.agent.records == 0
            return
        assert self._ask("snapshot", agent_id) == taken
        first, self.model.last_seq = self.model.last_seq, self.model.last_seq + len(taken.records)
        visible = [(first + one.seq, one.run_id, one.key) for one in taken.records if not one.erased]
        self.model.journal = [one for one in self.model.journal if RUNS[one[1]] != agent_id] + visible
        self.model.owners[agent_id] = ""
        self._look_at_money()

    def _look_at_money(self) -> None:
        """Deletions give back what was reserved: the model goes on from what both stores agree on."""
        rows = self._ask("scopes", SCOPES)
        self.model.money = {row.id: (row.period, row.reserved, row.spent) for row in rows}
        held = self.memory._all.reservations.values()
        self.model.reserved = {one.id: (one.amount, one.scopes) for one in held}

    @rule()
    def open_again(self) -> None:
        self.loop.run_until_complete(self.sqlite.close())
        self.sqlite = SqliteStore.open(f"{self.folder}/store.db")

    def _ask(self, question: str, *arguments: Any, **options: Any) -> Any:
        """The answer that both stores give."""
        answers = [
            self.loop.run_until_complete(getattr(store, question)(*arguments, **options))
            for store in (self.memory, self.sqlite)
        ]
        assert answers[0] == answers[1], question
        return answers[0]

    def _inbox(self, agent_id: str) -> list[tuple[str, int, bytes]]:
        """The mail that waits in both stores; they may number it differently."""
        inboxes = [
            [(mail.envelope_id, mail.priority, mail.data) for mail in self.loop.run_until_complete(found)]
            for found in (self.memory.mail(agent_id, 99), self.sqlite.mail(agent_id, 99))
        ]
        assert inboxes[0] == inboxes[1]
        return inboxes[0]

    @invariant()
    def the_journal_is_what_was_appended(self) -> None:
        records = self._ask("records", RecordFilter())
        assert [(one.seq, one.run_id, one.key) for one in records] == self.model.journal
        for run_id in RUNS:
            self._ask("records", RecordFilter(run_id=run_id), order="newest", limit=3)
            self._ask("load_run", run_id)
        self._ask("runs", RunFilter(status=("queued", "waiting")), limit=10)
        for agent_id in self.model.agents:
            assert self._ask("verify", agent_id) == [] or any(one.blob for one in records)

    @invariant()
    def inboxes_hold_what_was_delivered(self) -> None:
        for agent_id in AGENTS:
            assert sorted(id for id, _, _ in self._inbox(agent_id)) == sorted(self.model.waiting[agent_id])
            letters = self._ask("dead_letters", agent_id)
            assert self._ask("dead_letter_count", agent_id) == len(letters)
            assert self._ask("mail_count", agent_id) == len(self.model.waiting[agent_id])
            for n in range(6):
                self._ask("seen", agent_id, f"e{n}")

    @invariant()
    def events_and_marks_agree(self) -> None:
        self._ask("events", EventFilter(), order="newest", limit=4)
        self._ask("events", EventFilter(topic="a", since=5), after=2)
        self._ask("events", EventFilter(prefix="a."), before=9)
        for question in ("last_event", "topics", "marks"):
            self._ask(question)

    @invariant()
    def leases_and_timers_agree(self) -> None:
        for agent_id in AGENTS:
            row = self._ask("load_agent", agent_id)
            assert (row is not None) == (agent_id in self.model.agents)
            if row:
                assert (row.owner, row.fence) == (self.model.owners[agent_id], self.model.fences[agent_id])
            self._ask("timers", agent_id)
        self._ask("ready", 10, 10)
        self._ask("due", 10, 10)
        self._ask("next_due")
        self._ask("workers")

    @invariant()
    def values_are_those_put_last(self) -> None:
        for agent_id in AGENTS:
            for prefix in ("", "note:"):
                page = self._ask("values", agent_id, prefix)
                assert {(agent_id, row.key): row.data for row in page.items} == {
                    at: data for at, data in self.model.values.items() if at[0] == agent_id and at[1].startswith(prefix)
                }

    @invariant()
    def answers_are_the_first_given(self) -> None:
        for now in (0, 10):
            valid = {key: data for key, (data, expires_at) in self.model.answers.items() if expires_at > now}
            assert {one.key: one.data for one in self._ask("answers", "", now).items} == valid
            self._ask("answers", "ask:", now, cursor="ask:1", limit=1)

    @invariant()
    def money_adds_up(self) -> None:
        rows = self._ask("scopes", SCOPES)
        assert self._ask("scopes_like", "d").items == [row for row in rows if row.id == "day"]
        money = {id: sums for id, sums in self.model.money.items() if id in SCOPES}
        assert {row.id: (row.period, row.reserved, row.spent) for row in rows} == money
        self._ask("scopes_like", "")


TestStores = Stores.TestCase
TestStores.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
