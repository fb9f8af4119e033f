"""Moving runs on: what people decide, and where a run goes from there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from perdure.control.approvals import Approval
    from perdure.control.replaying import Replay
    from perdure.control.results import RunResult
    from perdure.control.starting import Runnable
    from perdure.control.steps import StepState
    from perdure.control.watching import Progress
    from perdure.kernel.standing import BudgetLine
    from perdure.kernel.store.rows import Page, RunRow


class Moving(Verbs):
    """Verbs that carry a run on, or another one out of it."""

    async def resume(self, run_id: str, *, who: str = "operator", wait: bool = True) -> RunResult:
        """Go on with a run that was interrupted, yielded, paused or failed; without `wait` it is only told to."""
        return await control.commands.resume(self._runtime, run_id, who=who, wait=wait)

    async def cancel(self, run_id: str, *, who: str = "operator") -> RunResult:
        """End a run and its children; tools under way are cancelled."""
        return await control.commands.cancel(self._runtime, run_id, who=who)

    async def pause(self, run_id: str, *, who: str = "operator") -> RunResult:
        """Let nothing new begin in a run until it is resumed."""
        return await control.commands.pause(self._runtime, run_id, who=who)

    async def approve(
        self, run_id: str, answer: Any = "approve", *, key: str = "", why: str = "", who: str = "operator"
    ) -> RunRow:
        """Answer what a run asks a person (`key` where it asks several things)."""
        return await control.decisions.answer(self._runtime, run_id, answer, key=key, who=who, why=why)

    async def approvals(self, *, agent: str = "", limit: int = 50, cursor: str = "") -> Page[Approval]:
        """What runs ask people, of the newest first: of one agent, or of all."""
        return await control.approvals.list_approvals(self._runtime, agent=agent, limit=limit, cursor=cursor)

    async def approval(self, which: str, *, key: str = "") -> Approval:
        """The question with this id, or the one that the run of this id asks (`key` where it asks several things)."""
        return await control.approvals.find_approval(self._runtime, which, key=key)

    async def decide(self, approval_id: str, answer: Any, *, why: str = "", who: str = "operator") -> Approval:
        """Answer exactly the question with this id, once."""
        return await control.approvals.decide(self._runtime, approval_id, answer, who=who, why=why)

    async def deny(self, run_id: str, *, key: str = "", why: str = "", who: str = "operator") -> RunRow:
        """Refuse what a run asks to do."""
        return await control.decisions.answer(self._runtime, run_id, "deny", key=key, who=who, why=why)

    async def resolve(
        self,
        run_id: str,
        key: str,
        how: Literal["done", "retry", "fail"],
        *,
        value: Any = None,
        why: str = "",
        who: str = "operator",
    ) -> RunRow:
        """Say what became of an effect in doubt: it was `done` with this value, `retry` it, or it is to `fail`."""
        return await control.decisions.resolve(self._runtime, run_id, key, how, value=value, why=why, who=who)

    async def set_budget(self, scope: str, limit_microusd: int | None, *, who: str = "operator") -> BudgetLine:
        """Give a budget another limit than its file says (None: the file's again); runs that wait for it go on."""
        return await control.budgets.set_budget(self._runtime, scope, limit_microusd, who=who)

    async def fork(
        self,
        run_id: str,
        at: str,
        *,
        overrides: Sequence[str] = (),
        live: bool = False,
        target: Runnable | None = None,
    ) -> RunRow:
        """A new run that shares the records before `at`, a key or the place of a flow's step, on an agent of its own;
        with a `target` it goes on as that says, such as the edited file of a flow."""
        return await control.forking.fork(self._runtime, run_id, at, overrides=overrides, live=live, target=target)

    async def steps(self, run_id: str) -> list[StepState]:
        """The steps of a flow's run so far, with their results. Raises InputError for the run of an agent."""
        return await control.steps.steps(self._runtime, run_id)

    async def replay(self, run_id: str) -> Replay:
        """Execute a run again against its journal, touching nothing, and say where it would go another way."""
        return await control.replaying.replay(self._runtime, run_id)

    def resume_all(self, *, watch: bool = False) -> AsyncIterator[Progress]:
        """Go on with every run that nobody works at, and tell how each comes out; with `watch`, for ever."""
        return control.watching.resume_all(self._runtime, watch=watch)
