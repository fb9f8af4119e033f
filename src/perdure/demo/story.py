"""The demo, act by act: prepare a folder, let a process work and die in it, go on from its journal, show the proof."""

from __future__ import annotations

import asyncio
import sys
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import msgspec

from perdure.base.errors import InputError, PerdureError
from perdure.control.results import RunResult
from perdure.kernel.journal import decode
from perdure.kernel.records import EffectIntended, Record
from perdure.kernel.store.rows import RecordFilter
from perdure.wiring import open as open_runtime

from .outbox import sent
from .tools import INVENTORY, audit_folder, outbox_folder
from .worker import AGENT_FILE

REPORT = "report.md"
PATIENCE = 120
"""Seconds that the worker has; it needs one or two."""


class Death(msgspec.Struct, frozen=True):
    """How the first process ended. `signal` is 9 for SIGKILL; `open_effects` are keys with an intent and no result."""

    pid: int
    signal: int
    run_id: str
    mails: int
    records: int
    open_effects: tuple[str, ...]
    ms: int


class Proof(msgspec.Struct, frozen=True):
    """What is there at the end. `chain` lists what is wrong with the journal's hash chain; empty is whole."""

    result: RunResult
    report: str
    mails: tuple[str, ...]
    records: tuple[Record, ...]
    chain: tuple[str, ...]
    ms: int

    @property
    def holds(self) -> bool:
        return self.result.ok and len(self.mails) == 1 and not self.chain


def prepare(folder: Path) -> None:
    """Make the folder, or empty it of an earlier demo. Raises InputError where it holds anything else."""
    agent = files("perdure.demo").joinpath(AGENT_FILE).read_bytes()
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and (not folder.is_dir() or names - {AGENT_FILE, "audit", "outbox", ".perdure"}):
        raise InputError(f"{folder} holds other things", hint="Name an empty or new folder with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AGENT_FILE).write_bytes(agent)
    for place in (*sent(outbox_folder(folder)), audit_folder(folder) / INVENTORY, audit_folder(folder) / REPORT):
        place.unlink(missing_ok=True)


async def live_and_die(folder: Path) -> Death:
    """Let a process of its own work until it kills itself."""
    began = perf_counter()
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "perdure.demo.worker", str(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(worker.communicate(), PATIENCE)
    except TimeoutError as error:
        worker.kill()
        await worker.wait()
        raise PerdureError(f"the worker {worker.pid} did not come to its end within {PATIENCE} s") from error
    if worker.returncode is None or worker.returncode >= 0:
        raise PerdureError(f"the worker {worker.pid} was to be killed and ended with {worker.returncode}")
    run_id = said.decode().strip()
    ms = _since(began)
    async with open_runtime(folder) as runtime:
        records = await runtime.store.records(RecordFilter(run_id=run_id))
    return Death(
        worker.pid,
        -worker.returncode,
        run_id,
        len(sent(outbox_folder(folder))),
        len(records),
        _open_effects(records),
        ms,
    )


async def go_on(folder: Path, run_id: str) -> Proof:
    """Resume the run in this process, and gather the proof."""
    began = perf_counter()
    async with open_runtime(folder) as runtime:
        result = await runtime.resume(run_id)
        ms = _since(began)
        records = await runtime.store.records(RecordFilter(run_id=run_id))
        chain = await runtime.store.verify(result.agent_id)
    return Proof(
        result,
        str(audit_folder(folder) / REPORT),
        tuple(str(mail) for mail in sent(outbox_folder(folder))),
        tuple(records),
        tuple(chain),
        ms,
    )


def _open_effects(records: list[Record]) -> tuple[str, ...]:
    done = {record.key for record in records if record.type in ("effect.done", "effect.failed")}
    return tuple(
        record.key for record in records if isinstance(decode(record), EffectIntended) and record.key not in done
    )


def _since(began: float) -> int:
    return round((perf_counter() - began) * 1000)
