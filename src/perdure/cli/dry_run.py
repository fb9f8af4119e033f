"""`perdure run --dry-run`: what a run would send and cost, without a call and without a word written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from perdure.agents.config.loader import load_project
from perdure.base.duration import show_duration
from perdure.base.money import show_money
from perdure.control.planning import Plan
from perdure.kernel.store.memory import MemoryStore
from perdure.wiring import open as open_runtime

from .errors import plain
from .exits import DONE, FAILED
from .json import print_json
from .terminal import paint


async def dry_run(
    folder: Path, target: Path, said: str, *, agent: str | None, overrides: Sequence[str], json: bool
) -> int:
    """Print the plan. Returns the exit code: 1 where the run would fail."""
    config = load_project(folder, environment=os.environ)
    # Where nothing has run yet, a plan is no reason to make a database.
    store = None if config.store.url is not None or config.database.exists() else MemoryStore()
    async with open_runtime(folder, store=store) as runtime:
        return _tell(await runtime.plan(target, said, agent=agent, overrides=overrides), json)


def _tell(plan: Plan, json: bool) -> int:
    if json:
        print_json({"ok": plan.ok, **plain(plan)})
    else:
        for name, value in _facts(plan):
            if value:
                click.echo(f"{paint(name.ljust(10), dim=True)} {value}")
    return DONE if plan.ok else FAILED


def _facts(plan: Plan) -> list[tuple[str, str]]:
    named = f" as {plan.agent_id}" if plan.agent_id else ""
    remembers = f", {plan.remembers} messages of its past go along" if plan.remembers else ""
    time = "" if plan.timeout_ms is None else f", {show_duration(plan.timeout_ms)}"
    tokens = "" if plan.token_limit is None else f", {plan.token_limit:,} tokens"
    budgets = [
        f"{show_money(amount)} {name}"
        for amount, name in ((plan.budget_per_run_microusd, "a run"), (plan.budget_per_day_microusd, "a day"))
        if amount is not None
    ]
    return [
        ("agent", f"{plan.agent}{named}{remembers}"),
        ("model", " then ".join((plan.model, *plan.fallbacks)) if plan.model else "written in Python"),
        *(("tool", _tool(tool.name, tool.effect, tool.approval)) for tool in plan.tools),
        ("first call", f"about {plan.input_tokens:,} tokens in, {plan.max_output_tokens:,} out at most"),
        ("costs", f"{_money(plan.first_call_microusd)} for the first call, {_money(plan.most_microusd)} for the run"),
        ("prices", plan.prices),
        ("limits", f"{plan.steps} steps{time}{tokens}"),
        ("budget", ", ".join(budgets)),
        *(("stores", what) for what in plan.stores),
        *(("problem", paint(what, fg="red")) for what in plan.problems),
    ]


def _tool(name: str, effect: str, approval: bool) -> str:
    return f"{name} ({effect or 'takes part in the run'}{', after approval' if approval else ''})"


def _money(microusd: int | None) -> str:
    return "an unknown price" if microusd is None else f"at most {show_money(microusd)}"
