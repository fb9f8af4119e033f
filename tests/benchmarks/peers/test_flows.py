"""A flow's figures come from its program, and a flow that ends wrong has none."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers.catalogue import OURS, PEERS
from peers.flows import flow
from peers.process import Entrant
from peers.steps import measure

PERDURE = Entrant(next(peer for peer in PEERS if peer.name == OURS), sys.executable)


@asynccontextmanager
async def counting(folder: Path) -> AsyncIterator[Callable[[int], Callable[[], Awaitable[int]]]]:
    def prepare(steps: int) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            with (folder / "runs").open("a") as file:
                file.write(f"{steps}\n")
            return min(steps, 50)

        return run

    yield prepare


async def test_so_many_flows_are_run_after_a_warm_one(tmp_path: Path) -> None:
    found = await measure(counting, tmp_path, steps=20, flows=3)
    assert (tmp_path / "runs").read_text().split() == ["10", "20", "20", "20"]
    assert found["wall_ms_per_step"] > 0


async def test_a_wrong_end_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="a wrong end: 50 after 60 steps"):
        await measure(counting, tmp_path, steps=60, flows=1)


def test_perdure_keeps_each_step() -> None:
    found = flow(PERDURE, {"steps": 20, "flows": 1, "long": 30})
    figures = ("cpu_ms_per_step", "wall_ms_per_step")
    assert all(float(found[f"{length}{name}"]) > 0 for length in ("", "long_") for name in figures)
    assert float(found.get("fsyncs_per_step", 1)) >= 1
