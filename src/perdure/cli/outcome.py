"""How a run came out: the answer on stdout, and on stderr what there is to do next."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from perdure.base.money import show_money
from perdure.base.usage import Usage
from perdure.control.results import RunResult
from perdure.control.runtime import Runtime
from perdure.kernel.records import Wait

from .errors import plain, tell
from .exits import code_of_run
from .json import print_json
from .project import command_line
from .terminal import hint, note, paint
from .times import show_time


def report_run(runtime: Runtime, result: RunResult, *, json: bool, shown: str = "") -> int:
    """Print the result; `shown` is the part of the answer that stands on stdout already. Returns the exit code."""
    if json:
        print_json(object_of(result))
    elif result.output is not None:
        text = text_of(result.output)
        click.echo("" if shown and shown == text else text, nl=not text.endswith("\n"))
    sys.stdout.flush()
    tell_next(runtime, result)
    return code_of_run(result)


def object_of(result: RunResult) -> dict[str, Any]:
    """The one object that `--json` prints."""
    return {
        "run_id": result.run_id,
        "agent_id": result.agent_id,
        "status": result.status,
        "output": plain(result.output),
        "error": plain(result.error),
        "steps": result.steps,
        "usage": usage_of(result.usage),
        "cost_microusd": result.cost_microusd,
        "duration_ms": result.duration_ms,
        "waiting_for": result.waiting_for,
        "waits": plain(result.waits),
    }


def usage_of(usage: Usage) -> dict[str, int]:
    return msgspec.structs.asdict(usage)


def text_of(output: Any) -> str:
    return (
        output
        if isinstance(output, str)
        else msgspec.json.format(msgspec.json.encode(plain(output)), indent=2).decode()
    )


def tell_next(runtime: Runtime, result: RunResult) -> None:
    match result.status:
        case "waiting" | "queued" | "running":
            for wait in result.waits:
                _tell_wait(runtime, result.run_id, wait, several=len(result.waits) > 1)
        case "failed" | "cancelled":
            tell(result.error or {"code": "run.failed", "message": f"run {result.run_id} {result.status}"})
            hint(f"What happened: {command_line(runtime, 'trace', result.run_id)}")
        case "yielded":
            go_on = command_line(runtime, "resume", result.run_id)
            note(f"The run stopped at its limit after {result.steps} steps. Go on with: {go_on}")
        case "paused":
            note(f"The run is paused. Go on with: {command_line(runtime, 'resume', result.run_id)}")
        case _:
            hint(
                f"{result.steps} steps, {result.usage.input_tokens:,} tokens in, {result.usage.output_tokens:,} out, "
                f"{show_money(result.cost_microusd)} · {result.run_id}"
            )


def _tell_wait(runtime: Runtime, run_id: str, wait: Wait, *, several: bool) -> None:
    """What the run waits for, and the commands that let it go on."""
    key = ("--key", wait.key) if several else ()
    match wait.kind:
        case "approval":
            _tell_question(wait)
            if tuple(wait.about.get("options", ())) == ("approve", "deny"):
                _tell_commands(runtime, ("approve", run_id, *key), ("deny", run_id, *key))
            else:
                _tell_commands(runtime, ("approve", run_id, *key, "--answer", "TEXT"))
        case "in_doubt":
            request = wait.about.get("request")
            head = paint("In doubt", err=True, bold=True)
            note(f"{head}: {wait.key} was begun, and it is not known whether it happened.")
            if request:
                note(f"  request: {text_of(request) if isinstance(request, str) else short(request)}")
            choices = (("--done", "JSON"), ("--retry",), ("--fail",))
            _tell_commands(runtime, *(("resolve", run_id, wait.key, *choice) for choice in choices))
        case "tool":
            call = f"{wait.about['tool']}({short(wait.about['arguments'])})"
            note(f"Waiting for the client that sent the request: it is to call {call}.")
            _tell_commands(runtime, ("cancel", run_id))
        case "start":
            agent, status = wait.about["agent"], wait.about["status"]
            note(f"Waiting for its agent: {agent} is {status}, and begins nothing.")
            _tell_commands(runtime, ("agents", "wake", agent))
        case "budget":
            scope, amount = wait.about.get("scope", ""), wait.about.get("amount_microusd", 0)
            head = paint("Out of money", err=True, bold=True)
            note(f"{head}: {show_money(amount)} for {wait.key.partition(':')[2]} does not fit into {scope}.")
            if wait.due is not None:
                note(f"  It tries again at {show_time(wait.due)}, where a process works on it.")
            _tell_commands(runtime, ("budget", scope, "--set", "AMOUNT"), ("resume", run_id))
        case _:
            note(f"The run waits ({wait.kind}) at {wait.key}. See: {command_line(runtime, 'runs', 'show', run_id)}")


def _tell_question(wait: Wait) -> None:
    note(f"{paint('Waiting for an answer', err=True, bold=True)}: {wait.about.get('question', wait.key)}")
    if "about" in wait.about:
        note(f"  {short(wait.about['about'])}")
    options = wait.about.get("options", ())
    if options:
        note(f"  one of: {', '.join(map(str, options))}")


def _tell_commands(runtime: Runtime, *commands: tuple[str, ...]) -> None:
    note("Go on with:")
    for words in commands:
        note(f"  {command_line(runtime, *words)}")


def short(value: Any, most: int = 400) -> str:
    text = msgspec.json.encode(plain(value)).decode()
    return text if len(text) <= most else text[:most] + "…"
