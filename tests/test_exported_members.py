"""The public names are a promise: a change here is a change for everybody who uses Perdure."""

from __future__ import annotations

import subprocess
import sys

import pytest

import perdure

PUBLIC = [
    *("Agent", "AgentSpec", "AgentState", "Audio", "Context", "Envelope", "File", "Image", "NotDone", "Outcome"),
    *("PerdureError", "RunEvent", "RunResult", "Runtime", "Text", "ToolFailed", "Unsure"),
    *("capability", "connect", "open", "run_sync", "tool"),
]


def test_the_public_names_are_these() -> None:
    assert sorted(set(perdure.__all__) - {"__version__"}) == sorted(PUBLIC)
    assert set(PUBLIC) <= set(dir(perdure))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(perdure, name).__doc__


def test_other_names_are_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="agnet"):
        perdure.agnet  # noqa: B018


def test_importing_perdure_imports_nothing_else() -> None:
    code = (
        "import sys, perdure; sys.exit(any(name.startswith('perdure.') or name == 'msgspec' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
