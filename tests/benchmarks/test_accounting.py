"""CPU is counted of a process and of all that it started."""

from __future__ import annotations

import subprocess
import sys

import pytest
from accounting import PROC, Used, below, cpu_ms, used_in

BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"


def test_a_stat_is_read_after_the_name_whatever_that_is() -> None:
    assert used_in("12 (a) b (c) S 7 12 12 0 -1 0 0 0 0 0 100 20 3 4 20 0 1 0") == Used(7, 127)


def test_those_below_are_children_and_theirs() -> None:
    processes = {2: Used(1, 5), 3: Used(2, 6), 4: Used(9, 7)}
    assert list(below(1, processes)) == [Used(1, 5), Used(2, 6)]


@pytest.mark.skipif(not (PROC / "self" / "stat").exists(), reason="the system has no /proc")
def test_a_child_counts_while_it_lives_and_once_when_it_has_ended() -> None:
    before = cpu_ms()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        living = cpu_ms() - before
        child.communicate(b"\n")
    ended = cpu_ms() - before
    assert living >= 150
    assert living - 20 <= ended < 1.5 * living + 50
