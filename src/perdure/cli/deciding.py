"""A decision on a run that waits, and what the run makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from perdure.control.runtime import Runtime

from .exits import DONE
from .following import follow
from .json import print_json
from .outcome import object_of, short
from .process import Stop, complete
from .project import command_line, opened
from .terminal import note, paint
from .who import who

Decide = Callable[[Runtime], Awaitable[Any]]


async def say(runtime: Runtime, which: str, answer: Any, *, key: str, why: str) -> None:
    """Tell what exactly is decided, and decide that and nothing else."""
    one = await runtime.approval(which, key=key)
    note(f"{paint(str(answer), err=True, bold=True)}: {one.about.get('question', one.key)}")
    if "about" in one.about:
        note(f"  {short(one.about['about'])}")
    note(f"  digest {one.digest}, by {who()}")
    await runtime.decide(one.id, answer, why=why, who=who())


def run_of(which: str) -> str:
    """The run that an approval's id begins with, or the run's id itself."""
    return which.partition(".")[0]


def decide(run_id: str, decide: Decide, *, done: str, wait: bool, json: bool, project: Path | None) -> int:
    """Hand the decision in and go on with the run, unless nobody wants to `wait`. Returns the exit code."""

    async def main() -> int:
        with Stop() as stop:
            async with opened(project) as runtime:
                before = await runtime.look(run_id)
                await decide(runtime)
                if not wait:
                    go_on = command_line(runtime, "resume", before.run_id)
                    note(f"{before.run_id} {done}. Go on with: {go_on}")
                    if json:
                        print_json(object_of(await runtime.look(before.run_id)))
                    return DONE
                rest = runtime.wait(before.run_id, beyond=before.waits)
                return await follow(runtime, before.run_id, rest, stop=stop, json=json)

    return complete(main())
