"""From the start of a process to its first answer, and what it then holds in memory; import and `--help` besides."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

from project import ANSWER, QUESTION, model_server, project

SCRIPT = f"""\
import asyncio, sys
import perdure

async def main():
    async with perdure.open(sys.argv[1]) as runtime:
        result = await runtime.run("calc.yaml", {QUESTION!r})
        print(result.output, flush=True)
        sys.path.insert(0, sys.argv[2])
        from measure import rss_mb
        print(rss_mb())

asyncio.run(main())
"""
COMMAND = (sys.executable, "-c", "from perdure.cli.main import main; main()")


def first_line_ms(command: Sequence[str], folder: Path) -> tuple[float, list[str]]:
    """Milliseconds until the command has written its first line, and all that it wrote."""
    started = perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    took = (perf_counter() - started) * 1000
    rest = process.stdout.read()
    if process.wait(10) != 0:
        raise SystemExit(f"failed: {command}")
    return took, [first, *rest.splitlines()]


def whole_ms(command: Sequence[str], folder: Path) -> float:
    """Milliseconds until the command has ended."""
    started = perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (perf_counter() - started) * 1000


def measure(folder: Path, times: int) -> dict[str, float]:
    (folder / "script.py").write_text(SCRIPT)
    script = [sys.executable, "script.py", str(folder), str(Path(__file__).parent)]
    nothing = [sys.executable, "-c", "pass"]
    imports = [sys.executable, "-c", "import perdure; perdure.open"]
    run = [*COMMAND, "run", "calc.yaml", "--input", QUESTION]
    has_cli = find_spec("perdure.cli.main") is not None
    took: dict[str, list[float]] = {}
    for _ in range(times):
        ms, lines = first_line_ms(script, folder)
        assert lines[0].strip() == ANSWER, lines
        took.setdefault("script_ms", []).append(ms)
        took.setdefault("rss_mb", []).append(float(lines[1]))
        bare = whole_ms(nothing, folder)
        took.setdefault("python_ms", []).append(bare)
        took.setdefault("import_ms", []).append(whole_ms(imports, folder) - bare)
        if has_cli:
            ms, lines = first_line_ms(run, folder)
            assert ANSWER in lines[0], lines
            took.setdefault("command_ms", []).append(ms)
            took.setdefault("help_ms", []).append(whole_ms([*COMMAND, "--help"], folder))
    return {"times": times} | {name: median(values) for name, values in took.items()}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(measure(folder, given.times)))
