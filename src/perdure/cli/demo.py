"""`perdure demo`: a real job, killed in the middle, and finished."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from perdure.base.money import show_money
from perdure.demo.chronicle import chronicle
from perdure.demo.story import Death, Proof, go_on, live_and_die, prepare

from . import options
from .exits import DONE, FAILED
from .json import print_json
from .outcome import usage_of
from .process import complete
from .terminal import paint


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("perdure-demo"),
    show_default=True,
    help="Where to work: a new or empty folder, or that of an earlier demo.",
)
@options.json("Print one object: what was done, killed and proven.")
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Audit this Python environment, be killed in the middle, and finish.

    An agent reads the metadata of every installed package, writes a report, and sends it by mail into an outbox folder.
    The process that runs it kills itself with SIGKILL when the mail is out and the journal does not know yet. This
    process then goes on from the journal. It needs no key and no network; its model is a rule-based planner, not a
    language model.
    """
    say = _silent if as_json else click.echo

    async def main() -> bool:
        prepare(folder)
        say(_head("1  An agent audits this Python environment, in a process of its own"))
        death = await live_and_die(folder)
        _tell_death(say, death)
        say(_head("2  This process goes on from the journal"))
        proof = await go_on(folder, death.run_id)
        _tell_course(say, death, proof)
        say(_head("3  What came of it"))
        _tell_proof(say, folder, proof)
        if as_json:
            print_json(_object(death, proof))
        return proof.holds

    ctx.exit(DONE if complete(main()) else FAILED)


def _silent(_: str) -> None:
    pass


def _head(text: str) -> str:
    return paint(f"\n{text}\n", bold=True)


def _tell_death(say: Any, death: Death) -> None:
    say(f"   process {death.pid} worked {death.ms} ms and wrote {death.records} records")
    say(f"   {paint(f'killed by signal {death.signal} (SIGKILL)', fg='red')}, sent by itself at the worst instant:")
    for key in death.open_effects:
        say(f"   the outbox holds {_count(death.mails, 'mail')}, the journal knows only that {key} was to begin")


def _tell_course(say: Any, death: Death, proof: Proof) -> None:
    lines = list(chronicle(proof.records))
    for line in lines[: death.records]:
        say(f"   {line.at:>5} ms  {line.place:<24} {line.what}")
    say(paint(f"   {'':>8}  ── process {death.pid} is dead ──", fg="red"))
    for line in lines[death.records :]:
        found = line.key in death.open_effects and len(proof.mails) == death.mails
        what = "is found in the outbox, and not sent again" if found else line.what
        say(f"   {line.at:>5} ms  {line.place:<24} {what}")


def _tell_proof(say: Any, folder: Path, proof: Proof) -> None:
    result = proof.result
    usage = result.usage
    say(f"   {result.output if result.ok else result.error}\n")
    _check(say, result.ok, f"the run is {result.status}, {result.steps} steps, {proof.ms} ms after it was resumed")
    _check(say, len(proof.mails) == 1, f"the mail was sent {_times(len(proof.mails))}: {', '.join(proof.mails)}")
    whole = "whole" if not proof.chain else f"broken: {'; '.join(proof.chain)}"
    _check(say, not proof.chain, f"the journal's hash chain is {whole}, {len(proof.records)} records")
    tokens = f"about {usage.input_tokens:,} tokens in and {usage.output_tokens:,} out"
    say(f"     it cost {show_money(result.cost_microusd)}; a language model would have been paid for {tokens}\n")
    place = shlex.quote(str(folder))
    say(f"   the report      {proof.report}")
    say(f"   a closer look   perdure trace {result.run_id} --project {place}")


def _check(say: Any, is_good: bool, text: str) -> None:
    say(f"   {paint('✓', fg='green') if is_good else paint('✗', fg='red')} {text}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _object(death: Death, proof: Proof) -> dict[str, Any]:
    result = proof.result
    return {
        "run_id": result.run_id,
        "agent_id": result.agent_id,
        "status": result.status,
        "output": result.output,
        "error": result.error,
        "steps": result.steps,
        "usage": usage_of(result.usage),
        "cost_microusd": result.cost_microusd,
        "duration_ms": death.ms + proof.ms,
        "killed": {"pid": death.pid, "signal": death.signal, "open_effects": death.open_effects},
        "report": proof.report,
        "mails": proof.mails,
        "chain": proof.chain,
        "journal": [{"at_ms": line.at, "key": line.key, "what": line.what} for line in chronicle(proof.records)],
        "holds": proof.holds,
    }
