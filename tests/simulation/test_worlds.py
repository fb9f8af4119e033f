"""Simulated worlds: the same seed is the same world, all is well in each, and a fault of ours is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIMULATE = Path(__file__).parents[2] / "simulation" / "run.py"


def simulate(*given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SIMULATE), *given], capture_output=True, text=True, timeout=300)


def test_all_is_well_in_fixed_worlds_and_in_new_ones() -> None:
    done = simulate("--seeds", "1-60", "--fresh", "20")
    assert done.returncode == 0, done.stdout


def test_a_seed_is_always_the_same_world() -> None:
    first, again = (simulate("--seeds", "7-12", "--trace", "--digests").stdout for _ in range(2))
    assert len(first.splitlines()) > 100
    assert first.rpartition("(")[0] == again.rpartition("(")[0]  # all but how long it took


@pytest.mark.parametrize("seeds", ["1-200"])
def test_an_engine_that_forgets_its_fences_is_found_out(seeds: str) -> None:
    done = simulate("--seeds", seeds, "--forget-fences")
    assert done.returncode == 1
    assert "fails" in done.stdout and "scripts/simulate --seeds" in done.stdout
