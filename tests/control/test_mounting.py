"""What an agent reaches changes while it works: at once, on record, and over restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.agents.permissions import DEFAULTS
from perdure.base.codec import unpack
from perdure.base.errors import AgentNotFound, BudgetExceeded, FileDenied, InputError, InvalidPath, ModelError
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter
from perdure.testing import call


async def table(rt: perdure.Runtime, agent: str = "bob") -> dict[str, Any]:
    rows = json.loads(await rt.namespace.read(f"/agents/{agent}/mounts"))
    return {row["path"]: row for row in rows}


async def test_every_directory_of_an_agent_has_a_level(opened: Any) -> None:
    async with opened(["hi"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        there = {entry.name for entry in await rt.namespace.list("/agents/bob")}
        assert there <= DEFAULTS.keys()


async def test_tools_and_permissions_of_a_spec_are_its_agents_mounts(opened: Any, project: Path) -> None:
    more = "autonomy: supervised\npermissions: {/goals: read_only, /memory/secret: disabled, /tools/pay: disabled}\n"
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + more)
    async with opened([call("pay", amount=1), "Sorry."]) as rt:
        result = await rt.run("clerk.yaml", "Pay", agent="bob")
        rows = await table(rt)
        assert (rows["/goals"]["access"], rows["/goals"]["by"]) == ("read_only", "permissions")
        assert (rows["/wallet"]["access"], rows["/wallet"]["by"]) == ("disabled", "autonomy supervised")
        assert (rows["/tools/look"]["access"], rows["/status"]["by"]) == ("read_write", "default")
        own = await rt.namespace_of("bob")
        assert [entry.name for entry in await own.list("/tools")] == ["ask", "calculator", "look"]
        assert json.loads(await own.call("/tools/calculator/call", '{"expression": "6*7"}')) == {"output": 42}
        for refused in ("/goals/a.json", "/memory/secret/x", "/ctl"):
            with pytest.raises(FileDenied):
                await own.write(refused, "{}")
        await own.write("/memory/open", "x")
        failed = await rt.store.records(RecordFilter("bob", result.run_id, ("effect.intended",)))
        assert failed == []  # a tool that is not granted is not known


async def test_a_tool_that_is_taken_away_is_refused_from_the_next_call_on(opened: Any) -> None:
    answers = [call("look", place="attic"), "Fine.", call("look", place="attic"), "I cannot look any more."]
    async with opened(answers) as rt:
        await rt.run("clerk.yaml", "Look", agent="bob")
        await rt.change_mount("bob", "/tools/look", "disabled", who="boss")
        result = await rt.run("clerk.yaml", "Look again", agent="bob")
        (failed,) = await rt.store.records(RecordFilter("bob", result.run_id, ("effect.failed",)))
        assert unpack(decode(failed).body)["code"] == "tool.denied"
        assert (await rt.replay(result.run_id)).verdict == "same"
        await rt.change_mount("bob", "/tools/look", None)
        assert (await rt.replay(result.run_id)).verdict == "same"
        own = await rt.namespace_of("bob")
        assert json.loads(await own.call("/tools/look/call", '{"place": "attic"}')) == {"output": "attic is fine"}


async def test_a_tool_that_waits_is_refused_on_record_too(opened: Any) -> None:
    async with opened([call("ask", question="May I?"), "Then not."]) as rt:
        await rt.deploy("clerk.yaml", agent="bob")
        await rt.change_mount("bob", "/tools", "disabled")
        result = await rt.run("clerk.yaml", "Ask", agent="bob")
        assert (result.status, result.output) == ("done", "Then not.")
        await rt.change_mount("bob", "/tools", None)
        assert (await rt.replay(result.run_id)).verdict == "same"


async def test_a_change_holds_at_once_also_for_what_is_open_and_is_on_record(opened: Any) -> None:
    async with opened(["hi"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        own = await rt.namespace_of("bob")
        await own.write("/memory/a", "1")
        file, watch = await own.open("/memory/a"), await own.watch("/memory")
        await rt.change_mount("bob", "/memory", "disabled", who="boss")
        with pytest.raises(FileDenied):
            await file.read()
        with pytest.raises(FileDenied):
            await watch.__anext__()
        with pytest.raises(FileDenied):
            await own.read("/memory/a")
        (changed,) = await rt.store.records(RecordFilter("bob", types=("mount.changed",)))
        event = decode(changed)
        assert (event.path, event.access, event.who) == ("/memory", "disabled", "boss")
        row = (await table(rt))["/memory"]
        assert (row["access"], row["by"], row["who"]) == ("disabled", "changed", "boss")
        await rt.change_mount("bob", "/memory", None)
        assert await own.read("/memory/a") == b"1"


async def test_a_change_outlives_the_process_and_reaches_others(opened: Any) -> None:
    async with opened(["hi"]) as rt, opened() as other:
        await rt.run("clerk.yaml", "hi", agent="bob")
        own = await rt.namespace_of("bob")
        await own.write("/memory/a", "1")
        await other.change_mount("bob", "/memory", "read_only")
        await rt.store.commit([])
        assert (await table(rt))["/memory"]["access"] == "read_only"
        with pytest.raises(FileDenied):
            await own.write("/memory/a", "2")
    async with opened() as rt:
        assert (await table(rt))["/memory"]["access"] == "read_only"


async def test_a_path_below_a_service_has_a_level_of_its_own(opened: Any) -> None:
    async with opened(["hi"]) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        own = await rt.namespace_of("bob")
        await own.write("/memory/rules", "be kind")
        await rt.change_mount("bob", "/memory/rules", "read_only")
        await own.write("/memory/free", "x")
        assert await own.read("/memory/rules") == b"be kind"
        with pytest.raises(FileDenied, match=r"^/memory/rules: the mount is read only$"):
            await own.write("/memory/rules", "be quick")


async def test_a_budgeted_mount_charges_the_budgets_of_its_agent(opened: Any, project: Path) -> None:
    more = "permissions: {/goals: budgeted}\nbudget: {per_day: 0.000002}\n"
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + more)
    async with opened() as rt:
        await rt.deploy("clerk.yaml", agent="bob")
        own = await rt.namespace_of("bob")
        for name in ("a", "b"):
            await own.write(f"/goals/{name}.json", "{}")
        with pytest.raises(BudgetExceeded):
            await own.write("/goals/c.json", "{}")
        assert [entry.name for entry in await own.list("/goals")] == ["a.json", "b.json"]
        (scope,) = await rt.store.scopes(["agent:bob:day"])
        assert (scope.spent, scope.reserved) == (2, 0)


@pytest.mark.parametrize(
    ("path", "access", "error"),
    [
        ("/nothing", "read_only", InputError),
        ("goals", "read_only", InvalidPath),
        ("/goals", "all", InputError),
        ("/compute", "read_write", InputError),
    ],
)
async def test_what_makes_no_sense_is_refused(opened: Any, path: str, access: Any, error: type[Exception]) -> None:
    async with opened() as rt:
        await rt.deploy("clerk.yaml", agent="bob")
        with pytest.raises(error):
            await rt.change_mount("bob", path, access)
        with pytest.raises(AgentNotFound):
            await rt.change_mount("nobody", "/goals", "read_only")


async def test_what_a_supervisor_takes_away_is_gone_and_stays_so(opened: Any, project: Path) -> None:
    more = "supervise: {restart: 0, then: demote, demote: [/memory]}\n"
    (project / "clerk.yaml").write_text((project / "clerk.yaml").read_text() + more)
    async with opened([ModelError("broken")]) as rt:
        await rt.deploy("clerk.yaml", agent="bob")
        own = await rt.namespace_of("bob")
        await own.write("/memory/a", "1")
        assert (await rt.run("clerk.yaml", "go", agent="bob")).status == "failed"
        with pytest.raises(FileDenied):
            await own.read("/memory/a")
    async with opened() as rt:
        row = (await table(rt))["/memory"]
        assert (row["access"], row["who"]) == ("disabled", "supervisor")
