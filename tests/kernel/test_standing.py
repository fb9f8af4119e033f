"""How a budget stands in the period that is now."""

from __future__ import annotations

from perdure.kernel.budgets import DAY_MS
from perdure.kernel.standing import standing
from perdure.kernel.store.rows import ScopeRow

NOW = 20_000 * DAY_MS + 5


def test_what_is_left_is_neither_spent_nor_reserved() -> None:
    line = standing("agent:a:day", 100, ScopeRow("agent:a:day", 100, 30, 45, 20_000), NOW)
    assert (line.reserved_microusd, line.spent_microusd, line.remaining_microusd) == (30, 45, 25)
    assert line.resets_at == 20_001 * DAY_MS


def test_yesterday_does_not_count() -> None:
    line = standing("agent:a:day", 100, ScopeRow("agent:a:day", 100, 30, 45, 19_999, warned=19_999), NOW)
    assert (line.spent_microusd, line.remaining_microusd, line.warned) == (0, 100, False)


def test_what_nobody_drew_on_is_whole_and_what_was_overdrawn_has_nothing_left() -> None:
    assert standing("run:r", 100, None, NOW).remaining_microusd == 100
    assert standing("run:r", 100, ScopeRow("run:r", 100, 0, 130, 0), NOW).remaining_microusd == 0


def test_a_limit_that_a_person_set_goes_before_that_of_the_file() -> None:
    line = standing("agent:a:day", 100, ScopeRow("agent:a:day", 100, 0, 0, 20_000, given=500), NOW)
    assert (line.limit_microusd, line.is_set) == (500, True)
