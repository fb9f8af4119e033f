"""Who sits at this terminal: the name that decisions are recorded under."""

from __future__ import annotations

import os


def who() -> str:
    return os.environ.get("PERDURE_WHO") or os.environ.get("USER") or "operator"
