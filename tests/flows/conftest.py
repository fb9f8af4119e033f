"""Flows as files of a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.flows.language.loader import load_flow
from perdure.flows.spec import FlowSpec

Load = Callable[..., FlowSpec]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The flow that a text describes; `files` stand beside it."""

    def give(
        text: str, files: dict[str, str] | None = None, *, name: str = "one.flow.yaml", **environment: str
    ) -> FlowSpec:
        for path, content in {**(files or {}), name: text}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return load_flow(tmp_path / name, environment=environment)

    return give
