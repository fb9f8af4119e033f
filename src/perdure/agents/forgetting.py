"""Agents that do not keep what they remember when their definition has changed (`preserve_memory: false`)."""

from __future__ import annotations

from perdure.kernel import records as r
from perdure.kernel.context import Context
from perdure.kernel.journal import decode

AT_ONCE = 200


class OwnHistory:
    """The history of a run's agent, back to where that was of another definition."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._is_over = False

    async def __call__(self, *, before: int | None, limit: int) -> list[r.Record]:
        if self._is_over:
            return []
        page = await self._ctx.history(before=before, limit=limit)
        for place, record in enumerate(page):
            if is_of_another(record, self._ctx.spec):
                self._is_over = True
                return [one for one in page[:place] if one.run_id != record.run_id]
        return page


async def is_changed(ctx: Context) -> bool:
    """Whether the agent's last run was of another definition than this one."""
    before: int | None = None
    while page := await ctx.history(before=before, limit=AT_ONCE):
        for record in page:
            if record.type == r.RunAccepted.type:
                return is_of_another(record, ctx.spec)
        before = page[-1].seq
    return False


def is_of_another(record: r.Record, spec: str) -> bool:
    """Whether a run of another definition begins with this record."""
    if record.type != r.RunAccepted.type:
        return False
    accepted = decode(record)
    return isinstance(accepted, r.RunAccepted) and accepted.spec != spec
