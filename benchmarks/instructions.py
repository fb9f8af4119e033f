"""How many instructions of the processor a durable run takes: a figure that a busy machine changes by less than 1 %.

Runs come one after another, as what shares a transaction is a matter of chance otherwise; the model's answers are
canned and need no socket. valgrind counts the instructions of two processes of which one does `MORE` runs more than the
other, so that the start is in neither. The check fails where a run takes over a tenth more than `instructions.json`
says for this Python and machine; where it says nothing, it only tells the figure. `--update` writes it there, to be
committed with the change that explains it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from canned import CannedTransport
from project import ANSWER, QUESTION, project

import perdure

BASELINE = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.10
WARM, MORE = 40, 100
LIMIT_S = 150
SKIPPED = "instructions: not counted, as there is no valgrind here (apt-get install valgrind)"


async def work(folder: Path, runs: int) -> None:
    """So many durable runs, one after another."""
    async with perdure.open(folder, transport=CannedTransport()) as runtime:
        spec = runtime.spec("calc.yaml")
        for _ in range(runs):
            result = await runtime.run(spec, QUESTION)
            assert result.output == ANSWER, result


def machine() -> str:
    """What the figure depends on besides the code."""
    return f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"


def count(valgrind: str) -> int:
    """Instructions of one run."""
    with TemporaryDirectory(prefix="perdure-instructions-") as folder:
        processes = [_counted(valgrind, Path(folder) / str(runs), runs) for runs in (WARM, WARM + MORE)]
        try:
            for process in processes:
                _, said = process.communicate(timeout=LIMIT_S)
                if process.returncode:
                    raise SystemExit(f"instructions: the runs failed\n{said[-2_000:]}")
        finally:
            for process in processes:
                process.kill()
        fewer, more = (_total(Path(folder) / str(runs)) for runs in (WARM, WARM + MORE))
    return (more - fewer) // MORE


def _counted(valgrind: str, out: Path, runs: int) -> subprocess.Popen[str]:
    command = [
        valgrind,
        "--tool=callgrind",
        f"--callgrind-out-file={out}",
        sys.executable,
        __file__,
        "--work",
        str(runs),
    ]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _total(out: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(errors="replace"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"instructions: valgrind left no count in {out}")
    return int(found[1])


def verdict(found: int, expected: int | None) -> tuple[str, bool]:
    """What to say of a figure, and whether it is good enough."""
    if expected is None:
        return f"{found:,} instructions a run; nothing is known of this Python and machine to compare it with", True
    change = found / expected - 1
    said = f"{found:,} instructions a run, {change:+.1%} against {expected:,}"
    if change > TOLERANCE:
        return f"{said}: over {TOLERANCE:.0%} more. Make it cheaper, or say why and run this with --update", False
    if change < -TOLERANCE:
        return f"{said}: keep it so, with --update", True
    return said, True


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the figure found to instructions.json")
    parser.add_argument("--work", type=int, help="do so many runs and count nothing")
    given = parser.parse_args()
    if given.work is not None:
        with project("http://127.0.0.1:9/v1") as folder:
            return uvloop.run(work(folder, given.work))
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return print(SKIPPED)
    known: dict[str, int] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    found = count(valgrind)
    said, good = verdict(found, known.get(machine()))
    print(f"instructions: {said}")
    if given.update:
        BASELINE.write_text(json.dumps(known | {machine(): found}, indent=2, sort_keys=True) + "\n")
    elif not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
