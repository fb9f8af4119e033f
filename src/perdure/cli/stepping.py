"""A flow gone through step by step: each step is shown with what it gets, and a person says what is to happen."""

from __future__ import annotations

import click
import msgspec

from perdure.control.runtime import Runtime
from perdure.kernel.store.rows import RunRow

from .errors import plain
from .terminal import note, paint
from .who import who

CHOICES = {"c": "continue", "s": "skip", "r": "run", "q": "quit"}


async def step_through(runtime: Runtime, run: RunRow) -> None:
    """Ask about each step until the run waits for something else, or ends. What was answered is durable: a run that is
    left here is gone on with by `perdure approve RUN --answer continue`."""
    result = await runtime.wait(run)
    while True:
        asked = next((wait for wait in result.waits if wait.key.endswith("before/ask")), None)
        if asked is None:
            return
        about = dict(asked.about.get("about", {}))
        note(f"{paint('Next', err=True, bold=True)}: {about.pop('step')} ({about.pop('kind')})")
        for name, value in about.items():
            note(f"  {name}: {msgspec.json.encode(plain(value)).decode():.400}")
        said = click.prompt(
            "[c]ontinue, [s]kip, [r]un to the end, [q]uit",
            type=click.Choice([*CHOICES, *CHOICES.values()]),
            default="c",
            show_choices=False,
            err=True,
        )
        await runtime.approve(run.id, CHOICES.get(said, said), key=asked.key, who=who())
        result = await runtime.wait(run, beyond=result.waits)
