"""The verdict over the count of instructions, and the canned model it is counted with."""

from __future__ import annotations

from pathlib import Path

import instructions
import pytest
from project import project


@pytest.mark.parametrize(
    ("found", "good", "says"),
    [(1_099_000, True, "+9.9%"), (1_101_000, False, "--update"), (890_000, True, "keep it so")],
)
def test_a_tenth_more_is_too_much(found: int, good: bool, says: str) -> None:
    said, verdict = instructions.verdict(found, 1_000_000)
    assert verdict is good
    assert says in said


def test_an_unknown_machine_is_only_told_its_figure() -> None:
    said, good = instructions.verdict(1_700_000, None)
    assert good
    assert said.startswith("1,700,000 instructions a run")


async def test_the_work_is_whole_runs_without_a_socket(tmp_path: Path) -> None:
    with project("http://127.0.0.1:9/v1") as folder:
        await instructions.work(folder, 3)
