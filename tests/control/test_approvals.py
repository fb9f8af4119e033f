"""An approval is for one exact action, counts once, and has its time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.clock import ManualClock
from perdure.base.errors import (
    ApprovalChanged,
    ApprovalDecided,
    ApprovalExpired,
    ApprovalNotFound,
    InputError,
    WrongState,
)
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import call

PAY = [call("pay", amount=5), "I am done."]
CONSENT = ["approve=[p*]"]
ASKER = """
from perdure import Agent, Context, Envelope

class Asker(Agent):
    async def on_message(self, ctx: Context, message: Envelope):
        return await ctx.ask("May I pay?", options=("approve", "deny"), about={{"amount": {amount}}})
"""


async def the_one(rt: Any) -> Any:
    (approval,) = (await rt.approvals()).items
    return approval


async def test_it_names_the_tool_the_arguments_and_the_rule(opened: Any) -> None:
    async with opened(PAY) as rt:
        asked = await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        approval = await the_one(rt)
        assert approval.about["about"] == {"tool": "pay", "arguments": {"amount": 5}, "policy": "approve: p*"}
        assert (approval.id, approval.run_id) == (f"{asked.run_id}.{approval.digest}", asked.run_id)


async def test_every_part_of_the_action_is_in_the_digest(opened: Any) -> None:
    seen = set()
    for amount, rule, more in ((5, "pay", ()), (6, "pay", ()), (5, "p*", ()), (5, "pay", ("limits.steps=9",))):
        async with opened([call("pay", amount=amount)], store=MemoryStore()) as rt:
            await rt.run("clerk.yaml", "Pay", overrides=[f"approve=[{rule}]", *more])
            seen.add((await the_one(rt)).digest)
    assert len(seen) == 4


async def test_who_decided_and_why_is_on_record(opened: Any) -> None:
    async with opened(PAY) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        approval = await the_one(rt)
        await rt.decide(approval.id, "approve", who="ann", why="it is due")
        assert (await rt.wait(approval.run_id)).output == "I am done."
        (wait,) = [node for node in (await rt.trace(approval.run_id)).children[0].children if node.kind == "wait"]
        assert (wait.detail["by"], wait.detail["why"], wait.detail["answer"]) == ("ann", "it is due", "approve")
        with pytest.raises(ApprovalDecided, match="ann") as refused:
            await rt.decide(approval.id, "deny", who="bob")
        assert (refused.value.facts["who"], refused.value.facts["answer"]) == ("ann", "approve")


async def test_of_two_at_the_same_time_the_first_counts(opened: Any) -> None:
    async with opened(PAY) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        approval = await the_one(rt)
        deciding = (rt.decide(approval.id, said, who=who) for who, said in (("ann", "deny"), ("bob", "approve")))
        first, second = await asyncio.gather(*deciding, return_exceptions=True)
        assert first == approval and isinstance(second, ApprovalDecided)


async def test_an_approval_for_other_arguments_is_refused_with_both_digests(opened: Any) -> None:
    answers = [call("pay", amount=5), call("pay", amount=9), "Done."]
    async with opened(answers) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        five = await the_one(rt)
        await rt.decide(five.id, "deny")
        await rt.wait(five.run_id, beyond=(await rt.look(five.run_id)).waits)
        nine = await the_one(rt)
        of_nobody = f"{nine.run_id}.{'0' * 32}"
        with pytest.raises(ApprovalChanged) as refused:
            await rt.decide(of_nobody, "approve")
        assert (refused.value.facts["given"], refused.value.facts["asked"]) == ("0" * 32, [nine.digest])
        with pytest.raises(ApprovalDecided):
            await rt.decide(five.id, "approve")
        assert (await the_one(rt)) == nine


async def test_nobody_decides_after_its_time(opened: Any) -> None:
    clock = ManualClock()
    async with opened(PAY, clock=clock, store=MemoryStore()) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=[*CONSENT, "approvals.expire=1h"])
        approval = await the_one(rt)
        assert approval.due == clock.now() + 3_600_000
        await clock.advance(3_600_000)
        result = await rt.wait(approval.run_id)
        while result.status == "waiting":
            await clock.advance(1)
            result = await rt.wait(approval.run_id)
        tree = await rt.trace(approval.run_id, full=True)
        assert "was not approved" in str(tree.children[1].children[0].detail["request"])
        with pytest.raises(ApprovalExpired) as refused:
            await rt.decide(approval.id, "approve")
        assert refused.value.facts["due"] == approval.due


async def test_one_whose_time_is_up_is_refused_before_the_run_has_noticed(opened: Any, project: Path) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with opened(PAY, clock=clock, store=store) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=[*CONSENT, "approvals.expire=1h"])
        approval = await the_one(rt)
    async with opened(PAY, clock=clock, store=store, settings=Settings(work=False)) as rt:
        await clock.advance(3_600_000)
        with pytest.raises(ApprovalExpired):
            await rt.decide(approval.id, "approve")
        with pytest.raises(ApprovalExpired):
            await rt.approve(approval.run_id)


@pytest.mark.parametrize(("expire", "due"), [("0", None), ("30d", 30 * 86_400_000)])
async def test_how_long_it_waits(opened: Any, expire: str, due: int | None) -> None:
    clock = ManualClock()
    async with opened(PAY, clock=clock, store=MemoryStore()) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=[*CONSENT, f"approvals.expire={expire}"])
        assert (await the_one(rt)).due == (due if due is None else clock.now() + due)


async def test_what_was_let_happen_is_not_let_happen_otherwise(project: Path) -> None:
    """The code was changed between the approval and what it was for."""
    (project / "asker.py").write_text(ASKER.format(amount=10))
    (project / "asker.yaml").write_text('name: asker\nclass: "./asker.py:Asker"\n')
    async with perdure.open(project) as rt:
        asked = await rt.run("asker.yaml", "go", agent="ada")
    async with perdure.open(project, settings=Settings(work=False)) as rt:
        await rt.approve(asked.run_id)
    (project / "asker.py").write_text(ASKER.format(amount=1000))
    async with perdure.open(project) as rt:
        result = await rt.resume(asked.run_id)
    assert result.error is not None and result.error["code"] == "run.replay_divergence"


async def test_an_answer_that_is_none_is_refused(opened: Any) -> None:
    async with opened(PAY) as rt:
        asked = await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        with pytest.raises(InputError, match="not a decision"):
            await rt.approve(asked.run_id, "yes")
        for unknown in ("", "run_1", f"{asked.run_id}.", "x.y"):
            with pytest.raises(ApprovalNotFound):
                await rt.decide(unknown, "approve")


async def test_a_cancelled_run_takes_no_decision(opened: Any) -> None:
    async with opened(PAY) as rt:
        await rt.run("clerk.yaml", "Pay", overrides=CONSENT)
        approval = await the_one(rt)
        await rt.cancel(approval.run_id)
        with pytest.raises(WrongState, match="cancelled"):
            await rt.decide(approval.id, "approve")
