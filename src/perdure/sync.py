"""The bridge for scripts: one run, without a word of async."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from perdure.agents.targets import Target
from perdure.control.results import RunResult
from perdure.wiring import open as open_runtime


def run_sync(
    target: Target,
    input: Any,
    *,
    project: str | os.PathLike[str] = ".",
    agent: str | None = None,
    overrides: Sequence[str] = (),
) -> RunResult:
    """Send `input` to an agent of the project and wait for the result. See `Runtime.run`."""

    async def main() -> RunResult:
        async with open_runtime(project) as runtime:
            return await runtime.run(target, input, agent=agent, overrides=overrides)

    return asyncio.run(main())
