"""Which files describe flows."""

from __future__ import annotations

import os

SUFFIXES = (".flow.yaml", ".flow.yml", ".flow.toml")


def is_flow(path: str | os.PathLike[str]) -> bool:
    """Whether a file describes a flow, by its name alone."""
    return os.fspath(path).endswith(SUFFIXES)
