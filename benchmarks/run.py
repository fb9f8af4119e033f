"""Runs the scenarios in rounds and prints their figures beside the budgets of the design.

Every scenario is a file of this folder, runs in a process of its own and prints one JSON object. Rounds go through all
scenarios in turn, so that a slow moment of the machine does not fall on one of them alone. A figure is the median of
its rounds, with the least and the greatest beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from figures import Summary, machine, short, summary
from peers.contest import add_arguments, hold, rewrite

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
DEPENDENCIES = ("perdure", "apsw", "httptools", "msgspec", "pyreqwest", "starlette", "uvicorn", "uvloop")


class Figure(NamedTuple):
    """One line of the table: what a scenario calls it, what people call it, and what it may be at most or at least."""

    scenario: str
    key: str
    says: str
    unit: str
    limit: float | None = None
    bound: Literal["most", "least"] = "most"

    def keeps(self, value: float) -> bool:
        return self.limit is None or (value <= self.limit if self.bound == "most" else value >= self.limit)


FIGURES = (
    Figure("throughput", "cpu_ms_per_run", "CPU of a durable run, 64 at once", "ms", 0.35),
    Figure("throughput", "runs_per_s", "durable runs, 64 at once, one process", "/s", 2_500, "least"),
    Figure("floor", "cpu_ms_per_run", "(the same by hand, without an engine: CPU)", "ms"),
    Figure("floor", "runs_per_s", "(the same by hand, without an engine)", "/s"),
    Figure("throughput", "pace_ms", "(the machine's pace: a fixed loop)", "ms"),
    Figure("alone", "ours_p50_ms", "a run alone, without the model, median", "ms"),
    Figure("alone", "ours_p99_ms", "a run alone, without the model, p99", "ms", 5),
    Figure("alone", "whole_p99_ms", "a run alone, model included, p99", "ms"),
    Figure("thousand", "all_ms", "1,000 runs that begin at once: all done", "ms"),
    Figure("thousand", "cpu_ms_per_run", "CPU of one of these", "ms"),
    Figure("thousand", "rss_mb", "memory then", "MB"),
    Figure("big", "cpu_ms_per_run", "CPU of a run whose tool returns 1 MB", "ms"),
    Figure("big", "stored_per_byte", "stored for each of its bytes", "x", 2),
    Figure("words", "added_p50_ms", "added to a streamed word, median", "ms"),
    Figure("words", "added_p99_ms", "the same, p99", "ms"),
    Figure("startup", "script_ms", "Python script: process start to first answer", "ms", 150),
    Figure("startup", "command_ms", "`perdure run`: process start to first answer", "ms", 150),
    Figure("startup", "import_ms", "import perdure.open, beyond Python's own start", "ms"),
    Figure("startup", "help_ms", "`perdure --help`", "ms", 100),
    Figure("startup", "rss_mb", "memory after the first answer", "MB", 45),
    Figure("journal", "ratio_500", "stored per byte of payload, 500 steps", "x", 2),
    Figure("journal", "ratio_5000", "stored per byte of payload, 5,000 steps", "x", 2),
    Figure("conversation", "turn_cpu_ms_late", "CPU of a turn late in a conversation of 500", "ms"),
    Figure("conversation", "growth", "the same, late to early", "x"),
    Figure("steady", "growth_mb", "memory gained in 10,000 runs one after another", "MB"),
    Figure("steady", "cpu_ms_per_run", "CPU of a run, one after another", "ms"),
    Figure(
        "namespace", "status_reads_per_s", "reads of an agent's status through the namespace", "/s", 20_000, "least"
    ),
    Figure("serving", "invokes_per_s", "`POST /invoke`, waiting for the answer, 64 at once", "/s", 1_500, "least"),
    Figure("serving", "server_cpu_ms_per_invoke", "the same: CPU of the server for each", "ms"),
    Figure("serving", "accept_p95_ms", "a receipt on disk, 1,000 clients at once, p95", "ms", 200),
    Figure("serving", "streams_ms", "500 runs streamed to a client each, at once", "ms"),
    Figure("serving", "watchers_ms", "a run that has ended told to 500 watchers at once", "ms"),
    Figure("serving", "watchers_events_per_s", "events a second of it", "/s"),
    Figure("serving", "follow_p50_ms", "a word of a run that goes on to 500 watchers, median", "ms"),
    Figure("serving", "follow_p99_ms", "the same, p99", "ms"),
    Figure("serving", "follow_cpu_us_per_event", "CPU of the server for each event told", "us"),
    Figure("serving", "follow_gained_mb", "memory gained meanwhile", "MB"),
    Figure("serving", "idle_rss_mb", "memory of an idle server", "MB", 50),
    Figure("namespace", "goal_reads_per_s", "reads of one of its goals", "/s", 20_000, "least"),
    Figure("namespace", "memory_reads_per_s", "reads of a file of a tree in memory", "/s", 20_000, "least"),
    Figure("bus", "events_per_s", "events through the bus, from hand to hand", "/s", 20_000, "least"),
    Figure("bus", "kept_per_s", "the same, kept on disk, 256 publishers at once", "/s"),
    Figure("bus", "mixed_p99_ms", "1,000 events a second, mixed QoS, every other one kept, p99", "ms", 20),
    Figure("bus", "many_p99_ms", "the same to 20 subscribers on 10 topics each, p99", "ms"),
    Figure("bus", "many_missed", "events that these missed", "", 0),
    Figure("flow", "cpu_ms_per_step", "CPU of a flow's step on disk before the next begins", "ms", 0.2),
    Figure("flow", "cpu_ms_per_turn", "CPU of a turn of a loop, two steps", "ms"),
    Figure("flow", "cpu_ms_per_step_beside", "CPU of a flow's step beside 999 others", "ms", 0.2),
    Figure("idle", "bytes_per_agent", "memory of an idle agent, of 10,000, beside its row", "bytes", 2_048),
    Figure("idle", "wake_p50_ms", "a message to one of them until its handler runs, median", "ms", 2),
    Figure("idle", "wake_p99_ms", "the same, p99", "ms"),
)
QUICK = {
    "bus": ("--events", "40000", "--seconds", "3"),
    "serving": ("--runs", "2000", "--watchers", "100"),
    "thousand": (),
    "big": ("--runs", "5"),
    "words": ("--words", "100"),
    "throughput": ("--runs", "2000"),
    "floor": ("--runs", "2000"),
    "alone": ("--runs", "200"),
    "startup": ("--times", "3"),
    "journal": ("--steps", "500"),
    "conversation": ("--turns", "150"),
    "steady": ("--runs", "1000"),
    "namespace": ("--reads", "20000"),
    "idle": ("--agents", "2000"),
    "flow": ("--runs", "20"),
}


def run(scenario: str, arguments: Sequence[str]) -> dict[str, float]:
    """What one run of a scenario found."""
    command = [sys.executable, str(HERE / f"{scenario}.py"), *arguments]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def versions() -> dict[str, str]:
    return {name: version(name) for name in DEPENDENCIES}


def table(found: dict[str, Summary]) -> str:
    lines = ["| what | median | least | greatest | budget | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for figure in FIGURES:
        values = found.get(figure.scenario, {}).get(figure.key)
        if values is None:
            continue
        shown = " | ".join(f"{short(values[name])} {figure.unit}" for name in ("median", "min", "max"))
        budget, verdict = "", ""
        if figure.limit is not None:
            budget = f"{'≤' if figure.bound == 'most' else '≥'} {short(figure.limit)} {figure.unit}"
            verdict = "kept" if figure.keeps(values["median"]) else "missed"
        lines.append(f"| {figure.says} | {shown} | {budget} | {verdict} |")
    return "\n".join(lines)


def main() -> None:
    scenarios = tuple(dict.fromkeys(figure.scenario for figure in FIGURES))
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(scenarios)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="three by default")
    add_arguments(parser)
    given = parser.parse_args()
    rounds = given.rounds or (1 if given.quick else 3)
    if given.page:
        return rewrite()
    if given.peers:
        return hold(given, rounds)
    if unknown := set(given.scenarios) - set(scenarios):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    found: dict[str, list[dict[str, float]]] = {}
    for number in range(1, rounds + 1):
        for scenario in given.scenarios or scenarios:
            print(f"round {number} of {rounds}: {scenario}", file=sys.stderr, flush=True)
            found.setdefault(scenario, []).append(run(scenario, QUICK[scenario] if given.quick else ()))
    summed = {scenario: summary(all_) for scenario, all_ in found.items()}
    on = machine() | versions()
    RESULTS.write_text(json.dumps({"machine": on, "rounds": found, "summary": summed}, indent=2) + "\n")
    print(f"\n{', '.join(f'{name} {value}' for name, value in on.items())}\n")
    print(table(summed))


if __name__ == "__main__":
    main()
