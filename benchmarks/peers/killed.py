"""A run whose process is killed, and another process that goes on with it: how long that takes, and what is done twice.

The tool appends a line to a file, so what it did is counted from outside; the model server counts how often it was
asked. A run needs two calls of the model, or three where one of them was under way when the process died.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, sleep

from peers.process import Entrant, Failed, command, environment, kill, marked_line, start, workplace
from peers.program import MARK, MODEL_CALLS
from project import calls_of, model_server

POINTS = ("in_tool", "after_effect", "next_call")
SETTLE_S = 0.3
"""Before the kill: for what a peer writes in the background."""
POLL_S = 0.01


def killed(entrant: Entrant, point: str, limit_s: float) -> dict[str, float | str]:
    """What happens to a run that is killed in the tool, after its side effect, or in the model call after it."""
    in_call = point == "next_call"
    with model_server(unanswered=MODEL_CALLS if in_call else 0) as url, workplace() as folder:
        effects = folder / "effects"
        more = {"PEER_EFFECTS": str(effects)}
        process = start(command(entrant, "begin", url, folder), environment(entrant, folder, PEER_STOP=point, **more))
        try:
            deadline = perf_counter() + limit_s
            while not (calls_of(url) == MODEL_CALLS if in_call else Path(f"{effects}.reached").exists()):
                if process.poll() is not None:
                    raise Failed("ended before it was killed")
                if perf_counter() > deadline:
                    raise Failed(f"not at the place of the kill within {limit_s:.0f} s")
                sleep(POLL_S)
            sleep(SETTLE_S)
        finally:
            kill(process)
        took, how = marked_line(
            command(entrant, "go_on", url, folder), environment(entrant, folder, **more), MARK, limit_s
        )
        done = len(effects.read_text().splitlines()) if effects.exists() else 0
        needed = MODEL_CALLS + 1 if in_call else MODEL_CALLS
        return {
            "ms": took,
            "model_calls_repeated": max(0, calls_of(url) - needed),
            "effects_repeated": max(0, done - 1),
            "how": how,
        }
