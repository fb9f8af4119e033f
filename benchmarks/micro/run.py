"""Runs the micro-benchmarks, shortly: for a figure to rely on, call one of them by itself (`--rigorous`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = ("kernel", "store", "compute")
SHORT = ("--quiet", "--processes", "2", "--values", "3", "--warmups", "1", "--min-time", "0.02")

if __name__ == "__main__":
    for name in BENCHMARKS:
        script = Path(__file__).with_name(f"{name}.py")
        subprocess.run([sys.executable, str(script), *SHORT, *sys.argv[1:]], check=True, stdin=subprocess.DEVNULL)
