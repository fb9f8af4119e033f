"""Crash points: the names are those in the source, and a process ends where it is told to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import perdure
from perdure.base.errors import InputError
from perdure.testing import CRASH_POINTS, kill_at


def test_every_point_is_passed_somewhere_and_every_place_is_a_point() -> None:
    source = Path(perdure.__file__).parent
    passed = {
        name
        for file in source.rglob("*.py")
        for name in re.findall(r"(?:probe|crash_point)\(\"([a-z_.]+)\"\)", file.read_text())
    }
    assert passed == set(CRASH_POINTS)


def test_the_process_ends_at_the_nth_time() -> None:
    code = (
        "from perdure.testing.crash import kill_at\n"
        "probe = kill_at('effect.acted', nth=3)\n"
        "for n in range(9):\n"
        "    print(n, flush=True)\n"
        "    probe('effect.done')\n"
        "    probe('effect.acted')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["0", "1", "2"]


def test_a_point_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match=r"did you mean effect\.intended"):
        kill_at("effect.intnded")
    with pytest.raises(InputError, match="never comes"):
        kill_at("effect.done", nth=0)
