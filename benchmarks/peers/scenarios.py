"""The scenarios of the contest, as seen from outside a peer's process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import NamedTuple

from peers.flows import flow
from peers.killed import POINTS, killed
from peers.process import Entrant, command, environment, figures, marked_line, output, workplace
from peers.program import MARK
from peers.record import Found
from peers.serving import serving
from peers.syncs import syncs
from project import model_server
from work import WARM

LIMIT_S = 180.0
FSYNC_RUNS = 40


def start(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """A new process: to its first answer, its memory then, and how long its imports take beyond Python's own start."""
    with model_server() as url, workplace() as folder:
        own = environment(entrant, folder)
        output(command(entrant, "load", url, folder), own, LIMIT_S)  # its files are in the system's cache
        ms, said = marked_line(command(entrant, "first", url, folder), own, MARK, LIMIT_S)
        bare = _took_ms([entrant.python, "-c", "pass"], own)
        load = _took_ms(command(entrant, "load", url, folder), own)
        return {"first_ms": ms, "rss_mb": float(said), "import_ms": load - bare}


def measured(scenario: str) -> Callable[[Entrant, Mapping[str, int]], Found]:
    """Something that the peer's own process measures."""

    def do(entrant: Entrant, given: Mapping[str, int]) -> Found:
        with model_server() as url, workplace() as folder:
            words = command(entrant, scenario, url, folder, given)
            return {**figures(words, environment(entrant, folder), LIMIT_S)}

    return do


def talk(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """A long conversation, and the bytes that are on disk at its end."""
    found = measured("conversation")(entrant, given)
    return found | {"stored_per_turn_kb": float(found["stored"]) / given["turns"] / 1024}


def big(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """Runs one at a time whose tool returns so many bytes."""
    with model_server() as url, workplace() as folder:
        words = command(entrant, "alone", url, folder, {"runs": given["runs"]})
        found = figures(words, environment(entrant, folder, PEER_OUTPUT=str(given["bytes"])), LIMIT_S)
    stored = found["stored"] / (given["runs"] + WARM) / given["bytes"]
    return {"cpu_ms_per_run": found["cpu_ms_per_run"], "stored_per_byte": stored}


def fsyncs(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """Fsyncs of a run, one at a time, counted by strace: what so many runs more call more often."""
    counts = [_fsyncs(entrant, runs) for runs in (1, 1 + FSYNC_RUNS)]
    return {"fsyncs_per_run": (counts[1] - counts[0]) / FSYNC_RUNS}


def kill(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """A run killed at each of three places, and gone on with in a new process."""
    found: Found = {}
    for point in POINTS:
        found |= {f"{point}_{key}": value for key, value in killed(entrant, point, LIMIT_S / 3).items()}
    return found


class Scenario(NamedTuple):
    """`rounds`: most rounds that it takes part in, because it is long or does not depend on the machine's pace."""

    do: Callable[[Entrant, Mapping[str, int]], Found]
    whole: Mapping[str, int] = {}
    quick: Mapping[str, int] = {}
    full: Mapping[str, int] = {}
    rounds: int = 1_000


SCENARIOS = {
    "start": Scenario(start),
    "at_once": Scenario(
        measured("at_once"), {"runs": 256, "clients": 64}, {"runs": 64, "clients": 64}, {"runs": 2_048, "clients": 64}
    ),
    "alone": Scenario(measured("alone"), {"runs": 200}, {"runs": 20}, {"runs": 500}),
    "thousand": Scenario(measured("thousand"), {"runs": 1_000}, {"runs": 100}),
    "big": Scenario(big, {"runs": 20, "bytes": 1_000_000}, {"runs": 5, "bytes": 1_000_000}),
    "words": Scenario(measured("words"), {"words": 400, "every_ms": 5}, {"words": 100, "every_ms": 5}),
    "serving": Scenario(
        serving,
        {"runs": 512, "clients": 64, "crowd": 1_000, "watchers": 500},
        {"runs": 64, "clients": 64, "crowd": 100, "watchers": 50},
        {"runs": 4_096, "clients": 64, "crowd": 1_000, "watchers": 500},
    ),
    "flow": Scenario(
        flow,
        {"steps": 100, "flows": 5, "long": 1_000},
        {"steps": 100, "flows": 1, "long": 1_000},
        {"steps": 100, "flows": 20, "long": 1_000},
    ),
    "kill": Scenario(kill, rounds=1),
    "fsyncs": Scenario(fsyncs, rounds=1),
    "conversation": Scenario(talk, {"turns": 200}, {"turns": 30}, {"turns": 500}, rounds=1),
}


def _took_ms(words: list[str], own: Mapping[str, str]) -> float:
    started = perf_counter()
    output(words, own, LIMIT_S)
    return (perf_counter() - started) * 1000


def _fsyncs(entrant: Entrant, runs: int) -> int:
    with model_server() as url, workplace() as folder:
        words = command(entrant, "alone", url, folder, {"runs": runs})
        return syncs(words, environment(entrant, folder), folder, LIMIT_S)
