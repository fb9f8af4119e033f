"""What became of the rounds: median, least and greatest of each figure, how it is written, and on which machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Summary = dict[str, dict[str, float]]


def summary(rounds: Sequence[Mapping[str, float]]) -> Summary:
    """Median, least and greatest of each figure over the rounds."""
    keys = dict.fromkeys(key for found in rounds for key in found)
    values = {key: [found[key] for found in rounds if key in found] for key in keys}
    return {key: {"median": median(all_), "min": min(all_), "max": max(all_)} for key, all_ in values.items()}


def short(value: float) -> str:
    """Three figures, or a whole number: 0.351, 12.4, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
