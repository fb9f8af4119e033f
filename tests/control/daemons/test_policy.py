"""Whether and when a process that failed is begun again."""

from __future__ import annotations

from perdure.agents.amounts import Duration
from perdure.agents.lifecycle import Restart
from perdure.control.daemons.policy import LONGEST_MS, Policy, policy_of


def test_pauses_double_until_it_is_given_up() -> None:
    policy = Policy(attempts=4, backoff_ms=100)
    assert [policy.pause(failures) for failures in range(1, 6)] == [100, 200, 400, 800, None]


def test_no_pause_is_longer_than_a_minute_unless_the_first_one_is() -> None:
    assert Policy(attempts=1_000, backoff_ms=100).pause(999) == LONGEST_MS
    assert Policy(attempts=1_000, backoff_ms=LONGEST_MS * 2).pause(999) == LONGEST_MS * 2


def test_a_process_that_lasted_begins_a_new_row() -> None:
    policy = Policy(healthy_ms=1_000)
    assert policy.failures(3, 999) == 4
    assert policy.failures(3, 1_000) == 1


def test_no_attempts_means_no_second_beginning() -> None:
    assert Policy(attempts=0).pause(1) is None


def test_a_project_says_what_it_wants_and_the_rest_is_as_usual() -> None:
    assert policy_of(Restart()) == Policy()
    assert policy_of(Restart(2, Duration(50), Duration(3_000))) == Policy(2, 50, 3_000)
