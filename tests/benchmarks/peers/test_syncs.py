"""Fsyncs are counted from outside, those of child processes too."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from peers.syncs import calls, syncs

CHILD = "import os; f = os.open('file', os.O_CREAT | os.O_WRONLY); os.fsync(f); os.fdatasync(f)"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_child_counts_too(tmp_path: Path) -> None:
    program = (
        f"import os, subprocess, sys; os.chdir({str(tmp_path)!r}); subprocess.run([sys.executable, '-c', {CHILD!r}])"
    )
    assert syncs([sys.executable, "-c", f"{program}; {CHILD}"], {}, tmp_path, 30) == 4


def test_fsyncs_are_read_from_a_table_of_strace() -> None:
    counted = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.10    0.050000         500       100           fdatasync
  0.90    0.000450         450         1         1 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.050450         499       101         1 total
"""
    assert calls(counted) == 101
    assert calls("") == 0
