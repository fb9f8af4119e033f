"""Tools, texts and stores that go wrong: each a clear error with a code, nothing lost, and the next run works."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import Agent, Context, Envelope, tool
from perdure.base.errors import InputError, StoreBusy, StoreCorrupt, StoreFull, StoreReadOnly
from perdure.kernel.settings import Settings
from perdure.kernel.store.sqlite import SqliteStore
from perdure.testing import Scripted, by_turn, call

ECHO = {"name": "echo", "model": "scripted/echo"}
HALF = "half \ud83d a face"


def echo() -> dict[str, Any]:
    return {"scripted/echo": Scripted(lambda request: request.messages[-1].text.upper())}


# -- tools ------------------------------------------------------------------------------------------------------------


@tool(effect="read")
async def explode(what: str) -> str:
    """Raise something."""
    raise {"value": ValueError("boom \ud83d"), "exit": SystemExit(3), "key": KeyError()}[what]


@tool(effect="read", timeout="50ms")
async def hang(what: str) -> str:
    """Never come back, with or without the loop's help."""
    if what == "thread":
        await asyncio.to_thread(time.sleep, 0.3)
    await asyncio.sleep(60)
    return ""


@tool(effect="read")
async def give(what: str) -> Any:
    """Return something odd."""
    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    odd = {
        "object": object(),
        "function": give,
        "itself": loop,
        "deep": deep,
        "half": HALF,
        "nested half": {"a\udc00": [HALF]},
        "huge": "x" * 10_000_000,
        "huge list": list(range(1_000_000)),
        "big int": 10**400,
        "nan": float("nan"),
        "nothing": None,
        "generator": (n for n in range(3)),
    }
    return odd[what]


TOOLS = {"name": "tooler", "model": "scripted/tooler", "tools": [explode, hang, give]}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (call("explode", what="value"), "ValueError"),
        (call("explode", what="exit"), "SystemExit"),
        (call("explode", what="key"), "KeyError"),
        (call("hang", what="loop"), "longer than"),
        (call("hang", what="thread"), "longer than"),
        (call("give", what="object"), "object"),
        (call("give", what="function"), "cannot be kept"),
        (call("give", what="itself"), "contains itself"),
        (call("give", what="deep"), "nested"),
        (call("give", what="half"), "half \ufffd a face"),
        (call("give", what="nested half"), "\ufffd"),
        (call("give", what="huge"), "tool:give"),
        (call("give", what="huge list"), "tool:give"),
        (call("give", what="big int"), "1000"),
        (call("give", what="nan"), ""),
        (call("give", what="nothing"), "done"),
        (call("give", what="generator"), "generator"),
    ],
)
async def test_a_tool_that_goes_wrong_is_told_to_the_model(tmp_path: Path, asked: Any, told: str) -> None:
    model = Scripted(by_turn([asked, "I see.", "next"]))
    async with perdure.open(tmp_path, models={"scripted/tooler": model}) as rt:
        ended = await rt.run(TOOLS, "go", agent="bob")
        assert (ended.status, ended.output) == ("done", "I see.")
        said = "".join(part.text for part in model.requests[1].messages[-1].parts[0].parts)
        assert told in said
        assert len(said) < 200_000
        assert (await rt.run(TOOLS, "and now?", agent="bob")).output == "next"
        assert await rt.store.verify("bob") == []
        assert (await rt.replay(ended.run_id)).verdict == "same"


@tool
async def slow_once(what: str) -> str:
    """Do something once, and take long over it."""
    await asyncio.sleep(60)
    return what


async def test_a_tool_of_class_once_that_hangs_is_in_doubt(tmp_path: Path) -> None:
    slow_once.timeout_ms = 50
    model = Scripted(by_turn([call("slow_once", what="it"), "I see."]))
    agent = {"name": "slow", "model": "scripted/slow", "tools": [slow_once]}
    async with perdure.open(tmp_path, models={"scripted/slow": model}) as rt:
        asked = await rt.run(agent, "go")
        assert (asked.status, asked.waiting_for) == ("waiting", "in_doubt")
        await rt.resolve(asked.run_id, "", "done", value="it was done")
        row = await rt.store.load_run(asked.run_id)
        ended = await rt.resume(asked.run_id) if row is not None and row.status != "done" else await rt.wait(row or "")
        assert ended.output == "I see."


class Moody(Agent):
    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        match message.payload:
            case "raise":
                raise ValueError(HALF)
            case "object":
                return object()
            case "half":
                return HALF
            case "cancel":
                raise asyncio.CancelledError
            case "facts":
                raise perdure.ToolFailed("no", what=object(), half=HALF)
        return "fine"


@pytest.mark.parametrize("mood", ["raise", "object", "half", "cancel", "facts"])
async def test_a_handler_that_goes_wrong_fails_its_run_and_no_other(tmp_path: Path, mood: str) -> None:
    async with perdure.open(tmp_path) as rt:
        failed = await asyncio.wait_for(rt.run(Moody, mood, agent="bob"), 10)
        assert failed.status == "failed"
        assert failed.error is not None and failed.error["code"] and failed.error["message"]
        assert (await rt.run(Moody, "hello", agent="bob")).output == "fine"
        assert await rt.store.verify("bob") == []


# -- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "input",
    [
        "",
        " \n\t",
        HALF,
        {"a": [HALF]},
        {"key \udc00": 1},
        object(),
        {"n": 2**70},
        {1: object()},
        float,
        "x" * 34_000_000,
    ],
)
async def test_an_input_that_cannot_be_taken(tmp_path: Path, input: Any) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        with pytest.raises(InputError) as error:
            await rt.start(ECHO, input)
        assert error.value.code == "input.invalid" and error.value.hint
        assert (await rt.store.agents()).items == []
        assert (await rt.run(ECHO, "hello")).output == "HELLO"


@pytest.mark.parametrize(
    "input",
    ["\x00", "\u202e\u0000\ufeff", "👩‍👩‍👧", "x" * 5_000_000, [], {}, {"a": None}, 0, None, "' OR 1=1 --", b"\xff"],
)
async def test_an_input_that_is_odd_is_taken(tmp_path: Path, input: Any) -> None:
    model = Scripted(lambda request: f"{len(request.messages[-1].text)}")
    async with perdure.open(tmp_path, models={"scripted/echo": model}) as rt:
        ended = await rt.run(ECHO, input, agent="bob")
        assert ended.status == "done", ended.error
        assert (await rt.run(ECHO, "hello", agent="bob")).output == "5"
        assert await rt.store.verify("bob") == []


async def test_a_model_that_says_half_a_character(tmp_path: Path) -> None:
    model = Scripted([HALF, "well again"])
    async with perdure.open(tmp_path, models={"scripted/echo": model}) as rt:
        ended = await asyncio.wait_for(rt.run(ECHO, "hello", agent="bob"), 10)
        assert ended.status in ("done", "failed")
        assert (await rt.run(ECHO, "hello", agent="bob")).output == "well again"
        assert await rt.store.verify("bob") == []


# -- stores -----------------------------------------------------------------------------------------------------------


HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process is writing, and takes its time."""
    arguments = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.communicate("")


async def test_a_database_that_another_process_holds(tmp_path: Path) -> None:
    database = tmp_path / "perdure.db"
    store = SqliteStore.open(database, busy_ms=100)
    async with perdure.open(tmp_path, models=echo(), store=store) as rt:
        assert (await rt.run(ECHO, "hello", agent="bob")).output == "HELLO"
        with locked(database), pytest.raises(StoreBusy) as error:
            await rt.run(ECHO, "nobody hears this", agent="bob")
        assert error.value.retryable
        assert (await rt.run(ECHO, "again", agent="bob")).output == "AGAIN"
        assert await rt.store.verify("bob") == []
    await store.close()


async def test_a_run_whose_database_was_locked_in_the_middle_goes_on_by_itself(tmp_path: Path) -> None:
    database = tmp_path / "perdure.db"
    store = SqliteStore.open(database, busy_ms=100)
    began, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Any) -> str:
        began.set()
        await go.wait()
        return "done"

    settings = Settings(recover=True, poll_ms=20)
    async with perdure.open(tmp_path, models={"scripted/echo": Scripted(slow)}, settings=settings, store=store) as rt:
        run = await rt.start(ECHO, "hello")
        await began.wait()
        with locked(database):
            go.set()
            with pytest.raises(StoreBusy):
                await rt.wait(run)
        ended = await asyncio.wait_for(_done(rt, run.id), 20)
        assert ended.output == "done"
        assert await rt.store.verify(run.agent_id) == []
    await store.close()


async def _done(rt: perdure.Runtime, run_id: str) -> perdure.RunResult:
    while True:
        row = await rt.store.load_run(run_id)
        if row is not None and row.status == "done":
            return await rt.wait(row)
        await asyncio.sleep(0.05)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / ".perdure").mkdir()
    (tmp_path / ".perdure" / "perdure.db").write_bytes(b"this is a letter to my aunt, and no database. " * 100)
    with pytest.raises(StoreCorrupt) as error:
        async with perdure.open(tmp_path, models=echo()):
            pass
    assert str(tmp_path) in str(error.value)


async def test_a_database_that_was_damaged(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        for n in range(30):
            await rt.run(ECHO, f"hello {n} " + "x" * 2_000)
        database = rt.project.database
    data = bytearray(database.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    database.write_bytes(data)
    with pytest.raises(StoreCorrupt) as error:
        async with perdure.open(tmp_path, models=echo()) as rt:
            await rt.run(ECHO, "hello")
    assert error.value.code == "store.corrupt" and error.value.hint


def mount(*arguments: str) -> None:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    made = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this process may not mount {' '.join(arguments)}: {made.stderr.strip()}")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    mount(*options, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        await rt.run(ECHO, "hello", agent="bob")
    with mounted(tmp_path, "--bind", str(tmp_path)):
        mount("-o", "remount,ro,bind", str(tmp_path))
        with pytest.raises(StoreReadOnly) as error:
            async with perdure.open(tmp_path, models=echo()) as rt:
                await rt.run(ECHO, "hello", agent="bob")
        assert error.value.hint
    async with perdure.open(tmp_path, models=echo()) as rt:
        assert (await rt.run(ECHO, "again", agent="bob")).output == "AGAIN"
        assert await rt.store.verify("bob") == []


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        done = []
        async with perdure.open(disk, models=echo()) as rt:
            try:
                for n in range(100):
                    done.append(await rt.run(ECHO, f"{n} " + "x" * 50_000))
            except StoreFull as error:
                assert error.retryable and error.hint
            else:
                raise AssertionError("2 MB hold 100 runs of 100 kB")
        assert done, "there was room for some"
        mount("-o", "remount,size=64m", str(disk))
        async with perdure.open(disk, models=echo(), recover=True) as rt:
            for result in done:
                assert (await rt.wait(result.run_id)).output == result.output
                assert await rt.store.verify(result.agent_id) == []
            assert (await rt.run(ECHO, "hello")).output == "HELLO"
