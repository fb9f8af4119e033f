from perdure.base.errors import AuthFailed, InvalidRequest, Overloaded
from perdure.compute.learnt import DOWN, RECENT_MS, Learnt


def test_speed_is_an_average_in_which_the_latest_calls_weigh_most():
    learnt = Learnt()
    learnt.answered(100, 1_000, 50)
    assert (learnt.ttft_ms, learnt.tokens_per_second) == (100, 50)
    learnt.answered(200, 1_000, 150)
    assert (learnt.ttft_ms, learnt.tokens_per_second) == (130, 80)


def test_failures_that_pass_make_it_degraded_then_unavailable_and_are_forgotten():
    learnt = Learnt()
    for _ in range(DOWN - 1):
        learnt.failed(Overloaded("busy"), 1_000)
    assert learnt.status(1_000) == ("degraded", "busy")
    learnt.failed(Overloaded("busy"), 1_000)
    assert learnt.status(1_000) == ("unavailable", "busy")
    assert learnt.status(1_001 + RECENT_MS) == ("available", "")


def test_an_answer_makes_good_what_failed_before():
    learnt = Learnt()
    learnt.failed(Overloaded("busy"), 0)
    learnt.answered(1, 1)
    assert learnt.status(0) == ("available", "")


def test_a_key_that_is_refused_counts_at_once_and_a_bad_request_never():
    learnt = Learnt()
    learnt.failed(InvalidRequest("no such field"), 0)
    assert learnt.status(0) == ("available", "")
    learnt.failed(AuthFailed("wrong key"), 0)
    assert learnt.status(0) == ("unavailable", "wrong key")
