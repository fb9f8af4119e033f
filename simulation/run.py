"""Worlds by their seeds: `scripts/simulate --seeds 1-200`, `--fresh 50` for new ones, `--seed 7 --trace` for one."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator
from time import perf_counter

import scenario

HASHES = "0"
"""Sets of texts have the same order in every process only with the same seed of hashes."""


def seeds(given: str) -> Iterator[int]:
    for part in filter(None, given.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="", help="such as 1-200,4711")
    parser.add_argument("--fresh", type=int, default=0, help="how many new seeds besides")
    parser.add_argument("--minutes", type=float, default=0.0, help="fresh seeds for so long instead")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument("--digests", action="store_true", help="print what each world comes down to")
    parser.add_argument("--forget-fences", action="store_true", help="plant a fault of ours, which has to be found")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None  # what stood still in a dead process is swept away after its world
    began, done = perf_counter(), 0
    for seed in _wanted(given.seeds, given.fresh, given.minutes * 60):
        history, digest, wrong = scenario.run(seed, forget_fences=given.forget_fences)
        done += 1
        if given.trace:
            print("\n".join(history))
        if given.digests:
            print(seed, digest)
        if wrong:
            print(f"seed {seed} fails:\n{wrong}\n", *history[-25:], sep="\n  ")
            print(f"again, with everything that happens: scripts/simulate --seeds {seed} --trace")
            return 1
    print(f"{done} worlds, all is well ({perf_counter() - began:.0f} s)")
    return 0


def _wanted(fixed: str, fresh: int, seconds: float) -> Iterator[int]:
    yield from seeds(fixed)
    until = perf_counter() + seconds
    while fresh > 0 or perf_counter() < until:
        fresh -= 1
        seed = int.from_bytes(os.urandom(4))
        print(f"seed {seed}", flush=True)
        yield seed


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != HASHES:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": HASHES})
    sys.exit(main())
