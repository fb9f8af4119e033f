"""/compute as files: everything by read, write, list, watch."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

import perdure
from perdure.base.errors import FileDenied, FileNotReady, FileUnsupported, InputError, NoSuchFile, WrongState
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.compute.service import RESTRICTED, compute_node
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.served import Served
from perdure.testing import Scripted

PROJECT = '[prices."scripted/a"]\ninput = 3\noutput = 15\n'
CHAT = '{"model": "a", "kind": "chat", "stream": true, "input": {"messages": [{"role": "user", "content": "Hi"}]}}'


class Idle(perdure.Agent):
    async def on_message(self, ctx, message):
        return "done"


@asynccontextmanager
async def opened(folder, answers, agent="ada"):
    """What the agent sees, and what an administrator does."""
    (folder / "perdure.toml").write_text(PROJECT)
    async with perdure.open(folder, models={"scripted/a": Scripted(answers, name="scripted/a")}) as runtime:
        if await runtime.store.load_agent(agent) is None:
            await runtime.run(Idle, "hi", agent=agent)
        table = MountTable(
            Mount(
                path=("compute",),
                service=Served(compute_node(agent, runtime.jobs)),
                access="budgeted",
                price=0,
                restricted=RESTRICTED,
            )
        )
        yield Namespace(Mounted(table)), Namespace(Mounted(table, as_admin=True))


def answer(text="one two"):
    return ModelResponse((Text(text),), usage=Usage(10, 2))


async def test_a_job_by_writing_a_file_watching_one_and_reading_one(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))
        said = ""
        async for change in await files.watch(receipt["stream_path"]):
            chunk = json.loads(change.data)
            said += chunk["delta"]
        assert (said, chunk["finish_reason"]) == ("one two", "complete")
        assert json.loads(await files.read(receipt["status_path"])) == {"status": "complete"}
        result = json.loads(await files.read(receipt["result_path"]))
        assert result["cost_microusd"] == 10 * 3 + 2 * 15
        usage = json.loads(await files.read("/compute/usage"))
        assert usage["day"]["spent_microusd"] == usage["tick"]["spent_microusd"] == 60


async def test_what_there_is(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))

        async def names(path):
            return [entry.name for entry in await files.list(path)]

        assert await names("/compute") == ["jobs", "new", "policy", "providers", "usage"]
        assert await names("/compute/jobs") == [receipt["job_id"]]
        assert await names(f"/compute/jobs/{receipt['job_id']}") == ["ctl", "result", "status", "stream"]
        assert await names("/compute/providers") == ["demo", "local", "scripted"]
        assert await names("/compute/providers/scripted") == ["health", "info", "models"]


async def test_a_provider_tells_what_it_has_and_how_it_is(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))
        async for _ in await files.watch(receipt["stream_path"]):
            pass
        (model,) = json.loads(await files.read("/compute/providers/scripted/models"))
        assert model["id"] == "scripted/a"
        assert model["pricing"] == {"input_per_1k_microusd": 3000.0, "output_per_1k_microusd": 15000.0}
        health = json.loads(await files.read("/compute/providers/scripted/health"))
        assert (health["status"], health["latency"]["measured"]) == ("available", True)
        listed = json.loads(await files.read("/compute/providers"))
        assert [one["id"] for one in listed] == ["demo", "local", "scripted"]
        assert listed[2] == json.loads(await files.read("/compute/providers/scripted/info"))


async def test_a_result_is_not_ready_before_the_end_and_cancel_ends_it(tmp_path):
    async def never(_):
        await asyncio.Event().wait()

    async with opened(tmp_path, never) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))
        with pytest.raises(FileNotReady):
            await files.read(receipt["result_path"])
        with pytest.raises(WrongState):
            await files.remove(f"/compute/jobs/{receipt['job_id']}")
        with pytest.raises(InputError):
            await files.write(f"/compute/jobs/{receipt['job_id']}/ctl", "hurry")
        await files.write(f"/compute/jobs/{receipt['job_id']}/ctl", "cancel\n")
        status = json.loads(await files.read(receipt["status_path"]))
        assert (status["status"], status["error"]["code"]) == ("failed", "compute.cancelled")
        await files.remove(f"/compute/jobs/{receipt['job_id']}")
        with pytest.raises(NoSuchFile):
            await files.read(receipt["status_path"])


async def test_a_stream_is_watched_and_not_read(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))
        with pytest.raises((FileUnsupported, FileDenied)):
            await files.read(receipt["stream_path"])


async def test_the_policy_is_read_by_the_agent_and_written_by_an_administrator(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, admin):
        assert json.loads(await files.read("/compute/policy"))["prefer"] == "balanced"
        with pytest.raises(FileDenied):
            await files.write("/compute/policy", "{}")
        await admin.write("/compute/policy", '{"blocked_models": ["a"]}')
        with pytest.raises(InputError, match="preferr"):
            await admin.write("/compute/policy", '{"preferr": "cost"}')
    async with opened(tmp_path, [answer()]) as (files, _):  # it is kept
        with pytest.raises(perdure.PerdureError, match="blocks scripted/a"):
            await files.call("/compute/new", CHAT)


async def test_results_are_read_after_a_restart(tmp_path):
    async with opened(tmp_path, [answer()]) as (files, _):
        receipt = json.loads(await files.call("/compute/new", CHAT))
    async with opened(tmp_path, []) as (files, _):
        assert json.loads(await files.read(receipt["result_path"]))["output"]["content"] == "one two"
