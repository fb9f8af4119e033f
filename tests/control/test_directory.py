"""The namespace over a project: what the operator sees of agents that work, and what an agent may do itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import (
    AgentNotFound,
    FileDenied,
    FileNotReady,
    FileUnsupported,
    InputError,
    NoSuchFile,
)
from perdure.testing import call

STANDARD = [
    "compute",
    "ctl",
    "deadletter",
    "goals",
    "identity",
    "inbox",
    "logs",
    "memory",
    "metrics",
    "mounts",
    "outbox",
    "runs",
    "status",
    "tools",
    "wallet",
]


async def read(namespace: Any, path: str) -> Any:
    return json.loads(await namespace.read(path))


async def lines(namespace: Any, path: str) -> list[Any]:
    return [json.loads(line) for line in (await namespace.read(path)).splitlines()]


async def test_every_agent_has_a_directory(opened: Any) -> None:
    async with opened(["hello"] * 2) as rt:
        for agent in ("bob", "eve"):
            await rt.run("clerk.yaml", "hi", agent=agent)
        assert [entry.name for entry in await rt.namespace.list("/agents")] == ["bob", "eve"]
        assert [entry.name for entry in await rt.namespace.list("/agents/bob")] == STANDARD
        with pytest.raises(NoSuchFile):
            await rt.namespace.list("/agents/nobody/goals")


async def test_status_tells_how_an_agent_is(opened: Any, project: Path) -> None:
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + "budget: {per_run: $9, per_day: $50}\n")
    async with opened([call("ask", question="?"), "Fine."]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        status = await read(rt.namespace, "/agents/bob/status")
        assert (status["agent_id"], status["name"], status["state"]) == ("bob", "clerk", "active")
        assert (status["active_run"], status["last_tick_cause"]) == (waiting.run_id, "message")
        assert (status["runs"], status["queue_depth"]) == ({"waiting": 1}, 0)
        day, run = status["budget"]
        assert (day["scope"], day["limit_microusd"], run["scope"]) == (
            "agent:bob:day",
            50_000_000,
            f"run:{waiting.run_id}",
        )
        await rt.approve(waiting.run_id, "yes")
        done = await rt.wait(waiting.run_id)
        status = await read(rt.namespace, "/agents/bob/status")
        assert (status["active_run"], status["last_tick_cause"], status["runs"]) == (None, "approval", {"done": 1})
        (day,) = status["budget"]
        assert day["spent_microusd"] == done.cost_microusd
        assert day["remaining_microusd"] == 50_000_000 - done.cost_microusd
        assert status["last_tick_at"] >= status["created_at"]


async def test_a_message_written_to_the_inbox_begins_a_run(opened: Any) -> None:
    async with opened(["hello", "hello again"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        answer = json.loads(await rt.namespace.call("/agents/bob/inbox", "what now?\n"))
        result = await rt.wait(answer["run_id"])
        assert (result.status, result.output) == ("done", "hello again")
        assert await rt.namespace.read(f"/agents/bob/runs/{answer['run_id']}/result") == b"hello again\n"
        (accepted, *_) = await lines(rt.namespace, f"/agents/bob/runs/{answer['run_id']}/trace")
        assert accepted["body"]["payload"] == {"message": "what now?"}
        assert accepted["body"]["id"] == answer["envelope_id"]


async def test_the_same_envelope_begins_one_run(opened: Any) -> None:
    async with opened(["hello", "hello again"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        envelope = {"id": "order-7", "payload": "what now?", "from": "shop"}
        answers = [json.loads(await rt.namespace.call("/agents/bob/inbox", json.dumps(envelope))) for _ in range(2)]
        assert answers[0]["run_id"] == answers[1]["run_id"]
        await rt.wait(answers[0]["run_id"])
        assert len((await rt.runs(agent="bob")).items) == 2
        with pytest.raises(InputError, match="speaks to a run"):
            await rt.namespace.write("/agents/bob/inbox", json.dumps(envelope | {"id": "x", "kind": "cancel"}))


async def test_what_waits_is_seen_in_the_inbox(opened: Any) -> None:
    async with opened([call("ask", question="?"), "Fine.", "And you?"]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        for text in ("first", "second"):
            await rt.namespace.write("/agents/bob/inbox/new", text)
        queued = await read(rt.namespace, "/agents/bob/inbox")
        assert [one["payload"]["message"] for one in queued] == ["first", "second"]
        items = [entry.name for entry in await rt.namespace.list("/agents/bob/inbox")]
        assert items == ["0.json", "1.json", "new", "overflow"]
        assert await read(rt.namespace, "/agents/bob/inbox/1.json") == queued[1]
        assert await read(rt.namespace, f"/agents/bob/inbox/{queued[0]['id']}") == queued[0]
        assert (await read(rt.namespace, "/agents/bob/metrics/queue"))["depth"] == 2
        overflow = await read(rt.namespace, "/agents/bob/inbox/overflow")
        assert overflow == {"max_depth": 1024, "policy": "reject_new"}
        await rt.cancel(waiting.run_id)


async def test_a_dead_letter_is_replayed_once_or_discarded(opened: Any, project: Path) -> None:
    inbox = "inbox: {capacity: 1, policy: dead_letter}\n"
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + inbox)
    async with opened([call("ask", question="?"), "Fine.", "Next.", "Replayed."]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        watch = await rt.namespace.watch("/agents/bob/deadletter")
        for text in ("queued", "too many", "far too many"):
            await rt.namespace.write("/agents/bob/inbox", text)
        letters = await read(rt.namespace, "/agents/bob/deadletter/list")
        assert [one["envelope"]["payload"]["message"] for one in letters] == ["far too many", "too many"]
        assert {one["reason"] for one in letters} == {"overflow"}
        last, first = (one["envelope_id"] for one in letters)
        told = [await anext(watch) for _ in range(2)]
        assert [(one.kind, one.path[-1]) for one in told] == [("created", first), ("created", last)]
        assert (await read(rt.namespace, f"/agents/bob/deadletter/{first}")) == letters[1]
        await rt.namespace.write("/agents/bob/deadletter/ctl", f"discard {last}\n")
        await rt.approve(waiting.run_id, "yes")
        await rt.wait(waiting.run_id)
        while (await read(rt.namespace, "/agents/bob/status"))["queue_depth"]:
            await asyncio.sleep(0.01)
        await rt.namespace.write("/agents/bob/deadletter/ctl", f"replay {first}")
        assert await rt.namespace.read("/agents/bob/deadletter/count") == b"0\n"
        (newest, *_) = (await rt.runs(agent="bob")).items
        await rt.wait(newest.run_id)
        (accepted, *_) = await lines(rt.namespace, f"/agents/bob/runs/{newest.run_id}/trace")
        assert accepted["body"]["payload"] == {"message": "too many"}
        assert accepted["body"]["causation"] == first
        with pytest.raises(NoSuchFile):
            await rt.namespace.write("/agents/bob/deadletter/ctl", f"replay {first}")
        for wrong in ("replay", "resend x", f"discard {first}\nnonsense"):
            with pytest.raises(InputError):
                await rt.namespace.write("/agents/bob/deadletter/ctl", wrong)


async def test_a_stream_is_followed_while_it_is_written_and_from_any_cursor(opened: Any) -> None:
    async with opened(["hello", "hello again"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        watch = await rt.namespace.watch("/agents/bob/logs/trace")
        await rt.namespace.write("/agents/bob/inbox", "go on")
        seen = []
        while not seen or seen[-1]["type"] != "run.finished":
            seen.append(json.loads((await asyncio.wait_for(anext(watch), 10)).data))
        await watch.aclose()
        again = await rt.namespace.watch("/agents/bob/logs/trace", seen[0]["seq"])
        assert [json.loads((await anext(again)).data) for _ in seen[1:]] == seen[1:]
        assert (await read(rt.namespace, "/agents/bob/logs/recent"))[-len(seen) :] == seen
        part = json.dumps({"from": seen[0]["seq"], "to": seen[1]["seq"]})
        asked = await rt.namespace.call("/agents/bob/logs/trajectory", part)
        assert [json.loads(line) for line in asked.splitlines()] == seen[:2]
        with pytest.raises(FileUnsupported, match="/agents/bob/logs/trace"):
            await rt.namespace.read("/agents/bob/logs/trace")


async def test_a_watch_of_a_run_ends_with_it(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        watch = await rt.namespace.watch(f"/agents/bob/runs/{result.run_id}/trace", 0)
        types = [json.loads(change.data)["type"] async for change in watch]
        assert (types[0], types[-1]) == ("run.accepted", "run.finished")


async def test_a_result_is_not_ready_before_the_end(opened: Any) -> None:
    async with opened([call("ask", question="?"), "Fine."]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        path = f"/agents/bob/runs/{waiting.run_id}"
        with pytest.raises(FileNotReady, match="the run is waiting"):
            await rt.namespace.read(f"{path}/result")
        assert (await read(rt.namespace, f"{path}/status"))["waiting_for"] == "approval"
        await rt.approve(waiting.run_id, "yes")
        done = await rt.wait(waiting.run_id)
        assert await rt.namespace.read(f"{path}/result") == b"Fine.\n"
        assert (await read(rt.namespace, f"{path}/cost"))["spent_microusd"] == done.cost_microusd
        turns = await lines(rt.namespace, "/agents/bob/logs/ticks")
        assert [(turn["cause"], turn["end"]) for turn in turns] == [("message", "waiting"), ("approval", "done")]


async def test_the_wallet_adds_up(opened: Any, project: Path) -> None:
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + "budget: {per_day: $50}\n")
    async with opened([call("look", place="attic"), "Fine.", "hello"]) as rt:
        spent = 0
        for _ in range(2):
            spent += (await rt.run("clerk.yaml", "hi", agent="bob")).cost_microusd
        charges = await read(rt.namespace, "/agents/bob/wallet/history")
        (day,) = (await read(rt.namespace, "/agents/bob/wallet/balance"))["scopes"]
    assert sum(one["spent_microusd"] for one in charges) == day["spent_microusd"] == spent
    assert [one["kind"] for one in charges] == ["model"] * 3
    assert [one["seq"] for one in charges] == sorted((one["seq"] for one in charges), reverse=True)


async def test_what_is_written_by_file_lasts(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.namespace.write("/agents/bob/goals/ship.json", '{"priority": 1}')
        await rt.namespace.mkdir("/agents/bob/memory/people")
        await rt.namespace.write("/agents/bob/memory/people/ann", "likes tea")
    async with opened() as rt:
        assert await read(rt.namespace, "/agents/bob/goals/ship.json") == {"priority": 1}
        assert await rt.namespace.read("/agents/bob/memory/people/ann") == b"likes tea"
        assert (await rt.verify("bob")).ok


async def test_an_agent_sees_its_own_directory_as_its_root(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        own = await rt.namespace_of("bob")
        assert [entry.name for entry in await own.list("/")] == STANDARD
        await own.write("/memory/note", "mine")
        assert await rt.namespace.read("/agents/bob/memory/note") == b"mine"
        for path in ("/status", "/wallet/balance", "/deadletter/ctl"):
            with pytest.raises(FileDenied):
                await own.write(path, "x")
        with pytest.raises(AgentNotFound):
            await rt.namespace_of("nobody")


async def test_a_mount_that_is_changed_changes_for_who_uses_the_view(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        own = await rt.namespace_of("bob")
        (await rt.directory.table("bob")).change(("memory",), "disabled")
        with pytest.raises(FileDenied):
            await own.write("/memory/note", "mine")
        rows = {row["path"]: row["access"] for row in await read(rt.namespace, "/agents/bob/mounts")}
        assert (rows["/memory"], rows["/goals"], rows["/status"]) == ("disabled", "read_write", "read_only")


async def test_an_agent_has_a_key_once_it_is_used(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        assert "pubkey" not in await read(rt.namespace, "/agents/bob/status")
        own = await rt.namespace_of("bob")
        pubkey = (await own.read("/identity/pubkey")).decode()
        signature = (await own.call("/identity/sign", "paid")).decode()
        asked = {"pubkey": pubkey, "signature": signature, "message": "paid"}
        assert await rt.namespace.call("/agents/bob/identity/verify", json.dumps(asked)) == b"true"
        assert (await read(rt.namespace, "/agents/bob/status"))["pubkey"] == pubkey
    async with opened() as rt:
        assert (await read(rt.namespace, "/agents/bob/status"))["pubkey"] == pubkey


async def test_the_whole_tree_is_watched_at_once(opened: Any) -> None:
    async with opened(["hello"] * 2) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        every, bobs = await rt.namespace.watch("/agents"), await rt.namespace.watch("/agents/bob")
        await rt.namespace.write("/agents/bob/goals/a.json", "1")
        for watch in (every, bobs):
            change = await anext(watch)
            assert (change.kind, change.path) == ("created", ("agents", "bob", "goals", "a.json"))


async def test_what_another_process_writes_is_seen_here(opened: Any) -> None:
    async with opened(["hello"]) as rt, opened() as other:
        await rt.run("clerk.yaml", "hi", agent="bob")
        watch = await rt.namespace.watch("/agents/bob/memory")
        await other.namespace.write("/agents/bob/memory/note", "from outside")
        change = await asyncio.wait_for(anext(watch), 20)
        assert change.path == ("agents", "bob", "memory", "note")


async def test_a_spec_that_cannot_be_read_hides_nothing_else(opened: Any, project: Path) -> None:
    text = (project / "clerk.yaml").read_text().replace("You are a clerk.", "You are ${WHO}.")
    (project / "clerk.yaml").write_text(text)
    async with opened(["hello"], environment={"WHO": "a clerk"}) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
    async with opened(environment={}) as rt:
        status = await read(rt.namespace, "/agents/bob/status")
        assert "WHO" in status["problem"]
        assert status["runs"] == {"done": 1}


async def test_commands_are_given_to_ctl(opened: Any) -> None:
    async with opened(["hello", "ticked"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.namespace.write("/agents/bob/ctl", "tick\n")
        (newest, *_) = (await rt.runs(agent="bob")).items
        assert (await rt.wait(newest.run_id)).output == "ticked"
        assert (await read(rt.namespace, "/agents/bob/status"))["last_tick_cause"] == "manual"
        with pytest.raises(InputError, match="explode"):
            await rt.namespace.write("/agents/bob/ctl", "explode")


async def test_prometheus_reads_the_numbers(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        text = (await rt.namespace.read("/agents/bob/metrics/prometheus")).decode()
        rates = await read(rt.namespace, "/agents/bob/metrics/rates")
    assert '# TYPE perdure_runs gauge\nperdure_runs{agent="bob",status="done"} 1\n' in text
    assert 'perdure_inbox_depth{agent="bob"} 0' in text
    assert (rates["runs"], rates["done"], rates["failed"]) == (1, 1, 0)
