from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from contextvars import ContextVar

import pytest

from perdure.tools.threads import Threads

who: ContextVar[str] = ContextVar("who", default="nobody")


async def test_context_variables_are_seen_and_threads_used_again() -> None:
    threads = Threads()
    who.set("ann")
    names = {await threads.run(lambda: (who.get(), threading.get_ident())) for _ in range(5)}
    assert len(names) == 1
    assert names.pop()[0] == "ann"


async def test_many_run_at_once_and_surplus_threads_end() -> None:
    threads = Threads(idle=1)
    together = threading.Barrier(4, timeout=10)
    await asyncio.gather(*(threads.run(together.wait) for _ in range(4)))
    assert len(threads._idle) == 1


async def test_errors_come_back_even_those_a_future_cannot_carry() -> None:
    threads = Threads()
    with pytest.raises(KeyError):
        await threads.run(lambda: {}["x"])
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(lambda: next(iter(())))


async def test_a_cancelled_caller_leaves_the_function_running() -> None:
    threads, started, go, done = Threads(), threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        go.wait(10)
        done.set()

    task = asyncio.create_task(threads.run(slow))
    assert await threads.run(lambda: started.wait(10))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not done.is_set()
    go.set()
    assert await threads.run(lambda: done.wait(10))
    await asyncio.sleep(0)


def test_a_result_for_a_loop_that_is_gone_is_dropped() -> None:
    threads, go = Threads(), threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.run(lambda: go.wait(10)), 0.01)

    asyncio.run(give_up())
    go.set()
    deadline = time.monotonic() + 10
    while not threads._idle and time.monotonic() < deadline:
        time.sleep(0.001)
    assert asyncio.run(threads.run(lambda: 7)) == 7


def test_a_function_that_hangs_does_not_keep_the_process_alive() -> None:
    program = (
        "import asyncio, threading\n"
        "from perdure.tools.threads import THREADS\n"
        "async def main():\n"
        "    try: await asyncio.wait_for(THREADS.run(threading.Event().wait), 0.05)\n"
        "    except TimeoutError: print('gone')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("gone\n", 0)
