"""`perdure resolve`: what became of an effect in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from . import options
from .deciding import decide
from .who import who


@click.command("resolve")
@options.run_id
@click.argument("key")
@click.option("--done", metavar="JSON", help="It happened, and this is its result.")
@click.option("--retry", is_flag=True, help="It did not happen: do it now.")
@click.option("--fail", is_flag=True, help="It is to count as failed.")
@options.why
@options.wait
@options.json("Print one object as `run` does.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    run_id: str,
    key: str,
    done: str | None,
    retry: bool,
    fail: bool,
    why: str,
    wait: bool,
    as_json: bool,
    project: Path | None,
) -> None:
    """Say what became of an effect in doubt.

    An effect that may be done only once is in doubt where the process was lost after it was begun and before its result
    was on record. KEY names it, as `perdure run`, `resume` and `runs show` print it.
    """
    if (done is not None) + retry + fail != 1:
        raise click.UsageError("say one of --done JSON, --retry and --fail")
    how: Literal["done", "retry", "fail"] = "retry" if retry else "fail" if fail else "done"
    value = None if done is None else _parsed(done)
    ctx.exit(
        decide(
            run_id,
            lambda runtime: runtime.resolve(run_id, key, how, value=value, why=why, who=who()),
            done="has its decision",
            wait=wait,
            json=as_json,
            project=project,
        )
    )


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise click.UsageError(f"--done is not JSON: {error} (text needs quotes: --done '\"sent\"')") from error
