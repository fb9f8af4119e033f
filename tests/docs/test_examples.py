"""Every example is run by the command in its header, and prints what its header says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_it_does_what_its_header_says(example: Path, converse: Callable[[str], None]) -> None:
    header = header_of(example.read_text())
    assert f"examples/{example.name}" in header
    converse(header)


def test_examples_are_numbered_without_a_gap() -> None:
    assert [int(example.name[:2]) for example in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


def header_of(text: str) -> str:
    """The comment or docstring that a file begins with."""
    docstring = re.match(r'"""(.*?)"""', text, re.DOTALL)
    if docstring is not None:
        return docstring[1]
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#   "))
    return "\n".join(lines)
