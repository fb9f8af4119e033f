"""A flow of trivial steps one after another, as seen from outside its peer's process."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from peers.process import Entrant, environment, figures, program, workplace
from peers.record import Found
from peers.syncs import syncs

LIMIT_S = 300.0


def flow(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """Flows of `steps`, one of `long` steps, and the fsyncs of a step, where there is strace to count them."""
    short, long = (_measured(entrant, *shape) for shape in ((given["steps"], given["flows"]), (given["long"], 1)))
    found: Found = {**short, **{f"long_{name}": value for name, value in long.items()}}
    if shutil.which("strace"):
        once, twice = (_syncs(entrant, given["steps"], flows) for flows in (1, 2))
        found["fsyncs_per_step"] = (twice - once) / given["steps"]
    return found


def _measured(entrant: Entrant, steps: int, flows: int) -> dict[str, float]:
    with workplace() as folder:
        words = program(entrant, "flow.py", str(folder / "state"), f"steps={steps}", f"flows={flows}")
        return figures(words, environment(entrant, folder), LIMIT_S)


def _syncs(entrant: Entrant, steps: int, flows: int) -> int:
    with workplace() as folder:
        words = program(entrant, "flow.py", str(folder / "state"), f"steps={steps}", f"flows={flows}")
        return syncs(words, environment(entrant, folder), folder, LIMIT_S)
