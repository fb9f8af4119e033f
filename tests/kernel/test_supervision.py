"""What becomes of an agent whose run failed: a verdict from rules and facts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perdure.kernel.budgets import DAY_MS
from perdure.kernel.supervision import LONGEST_PAUSE_MS, MINUTE_MS, Failure, Supervision, Verdict, judge, throttled

NOON = 20_000 * DAY_MS + DAY_MS // 2


def failed(attempt: int = 1, code: str = "run.effect_failed", **facts: Any) -> Failure:
    return Failure(attempt, {"code": code, "message": "it broke", "facts": facts}, NOON)


def test_an_agent_that_nobody_supervises_is_left_as_it_is() -> None:
    assert judge(None, failed()) == Verdict("ignore")


def test_three_restarts_each_after_twice_as_long_and_then_quarantine() -> None:
    rules = Supervision(backoff_ms=10_000)
    assert [judge(rules, failed(attempt)) for attempt in (1, 2, 3, 4)] == [
        Verdict("restart", NOON + 10_000),
        Verdict("restart", NOON + 20_000),
        Verdict("restart", NOON + 40_000),
        Verdict("quarantine"),
    ]


def test_the_last_measure_is_said_by_the_rules() -> None:
    assert judge(Supervision(restart=0, then="terminate"), failed()).measure == "terminate"
    assert judge(Supervision(restart=0, then="ignore"), failed()).measure == "ignore"
    assert judge(Supervision(restart=0, then="restart"), failed()).measure == "quarantine", "not for ever"
    rules = Supervision(restart=0, then="demote", demote=("/fs/shared",), escalate_to="boss")
    assert judge(rules, failed()) == Verdict("demote", demote=("/fs/shared",), escalate_to="boss")


def test_some_errors_have_a_measure_of_their_own() -> None:
    rules = Supervision(on={"file": "terminate", "file.not_found": "ignore"})
    assert judge(rules, failed(code="file.denied")).measure == "terminate"
    assert judge(rules, failed(code="file.not_found")).measure == "ignore"
    assert judge(rules, failed(code="filesystem")).measure == "restart"


def test_a_budget_that_is_used_up_keeps_the_agent_back_until_it_begins_anew() -> None:
    tomorrow = (NOON // DAY_MS + 1) * DAY_MS
    over = failed(code="budget.exceeded", scope="agent:ann:day")
    assert judge(Supervision(), over) == Verdict("quarantine", until=tomorrow)
    assert judge(Supervision(), failed(code="budget.exceeded", scope="run:r1")).measure == "restart"
    assert judge(Supervision(on={"budget": "ignore"}), over) == Verdict("ignore")


@given(st.integers(1, 10_000), st.integers(1, DAY_MS), st.integers(0, 10_000))
def test_a_restart_always_comes_and_never_before_the_backoff(attempt: int, backoff: int, restart: int) -> None:
    verdict = judge(Supervision(restart=restart, backoff_ms=backoff), failed(attempt))
    assert (verdict.measure == "restart") == (attempt <= restart)
    if verdict.measure == "restart":
        assert verdict.until is not None and backoff <= verdict.until - NOON <= LONGEST_PAUSE_MS


def test_so_many_runs_in_a_minute_and_no_more() -> None:
    rules = Supervision(throttle=2)
    assert throttled(rules, [], NOON) is None
    assert throttled(rules, [NOON - 10], NOON) is None
    assert throttled(rules, [NOON - 10, NOON - 50], NOON) == NOON - 50 + MINUTE_MS
    assert throttled(rules, [NOON - 10, NOON - MINUTE_MS], NOON) is None
    assert throttled(Supervision(), [NOON] * 99, NOON) is None
    assert throttled(None, [NOON] * 99, NOON) is None
