"""The accounts of a soak: each kind of fault has its line, and what is right has none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure.kernel.effect import idempotency_key

SOAK = Path(__file__).parents[2] / "soak"
NAMES = ("accounts", "client", "journal", "load", "trouble", "vitals", "world")


@pytest.fixture(scope="module")
def soak() -> Iterator[dict[str, Any]]:
    """Its modules, as `scripts/soak` imports them. The benchmarks have some of the same names."""
    others = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(SOAK))
    try:
        yield {name: __import__(name) for name in NAMES}
    finally:
        sys.path.remove(str(SOAK))
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(others)


CLASSES = ("idempotent", "checkable", "once")


def told(soak: dict[str, Any], **changed: Any) -> Any:
    """A run of which all is right."""
    run = soak["journal"].Told("run_1", "worker", asked="1-1", status="done", output="1-1: answer 7")
    run.intents = {f"step/{name}": name for name in CLASSES}
    run.done = set(run.intents)
    for name, value in changed.items():
        setattr(run, name, value)
    return run


def question(soak: dict[str, Any], kind: str = "sync", **changed: Any) -> Any:
    one = soak["load"].Question("1-1", kind, "/invoke", {})
    one.runs, one.answers = {"run_1"}, {"1-1: answer 7"}
    for name, value in changed.items():
        setattr(one, name, value)
    return one


@pytest.fixture
def wrong(soak: dict[str, Any]) -> Callable[..., list[str]]:
    def look(runs: list[Any], questions: list[Any], failed: dict[str, list[str]] | None = None) -> list[str]:
        return list(soak["accounts"].answers_wrong(runs, questions, failed or {}, soak["accounts"].Balance()))

    return look


def test_what_is_right_has_no_line(soak: dict[str, Any], wrong: Any) -> None:
    assert wrong([told(soak)], [question(soak)]) == []


def test_a_receipt_without_a_run(soak: dict[str, Any], wrong: Any) -> None:
    assert "there are []" in wrong([], [question(soak)])[0]


def test_a_key_with_two_runs(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak), told(soak, id="run_2")], [question(soak)])
    assert "run_2" in line


def test_two_answers_to_one_question(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak)], [question(soak, answers={"1-1: answer 7", "1-1: answer 8"})])
    assert "was told" in line


def test_the_answer_to_another_question(soak: dict[str, Any], wrong: Any) -> None:
    said = "1-2: answer 9"
    (line,) = wrong([told(soak, output=said)], [question(soak, answers={said})])
    assert "the answer of another" in line


def test_a_run_that_nobody_asked_for(soak: dict[str, Any], wrong: Any) -> None:
    assert wrong([told(soak, asked="9-9")], []) == ["'9-9' was never asked"]


def test_an_effect_that_is_missing(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak, done={"step/once"})], [question(soak)])
    assert "is done, and did {'once': 1}" in line


def test_a_failure_needs_a_reason(soak: dict[str, Any], wrong: Any) -> None:
    run = told(soak, status="failed", output={"code": "model.auth"})
    asked = question(soak, answers=set())
    assert wrong([run], [asked], {"1-1": ["401"]}) == []
    (line,) = wrong([run], [asked])
    assert "failed for no reason" in line


def test_a_budget_that_was_not_kept(soak: dict[str, Any], wrong: Any) -> None:
    over = soak["accounts"].POOR + 1
    (line,) = wrong([told(soak, costs={"step1/model": over})], [question(soak, "poor")])
    assert f"spent {over}" in line


def test_child_runs_are_there_and_are_what_is_told_of_them(soak: dict[str, Any], wrong: Any) -> None:
    def part(number: int, said: str) -> Any:
        return told(soak, id=f"run_p{number}", asked=f"1-1/{number}", output=said)

    said = "1-1/1: answer 3 and 1-1/2: answer 4"
    boss, asked = told(soak, output=said, done=set()), question(soak, "boss", answers={said})
    parts = [part(1, "1-1/1: answer 3"), part(2, "1-1/2: answer 4")]
    assert wrong([boss, *parts], [asked]) == []
    assert "asked ['1-1/1']" in wrong([boss, parts[0]], [asked])[0]
    assert "the others" in wrong([boss, parts[0], part(2, "1-1/2: answer 5")], [asked])[0]


def test_a_server_that_grows(soak: dict[str, Any]) -> None:
    vitals = soak["vitals"]
    flat = vitals.Calm(60, 48, 1, 1, 20, 2)
    assert vitals.wrong([flat], 0) == []
    (line,) = vitals.wrong([flat._replace(rss_growth_mb=40)], 0)
    assert "40.0 MB" in line
    (line,) = vitals.wrong([flat._replace(fd_growth=100)], 0)
    assert "100 files" in line
    (line,) = vitals.wrong([flat], 1 << 30)
    assert "1024 MB" in line


def effects(soak: dict[str, Any], run: Any, happened: Any, stood_still: int = 0) -> list[str]:
    accounts = soak["accounts"]
    return list(accounts.effects_wrong([run], happened, stood_still, accounts.Balance()))


def test_each_effect_once(soak: dict[str, Any]) -> None:
    run = told(soak)
    keys = {name: idempotency_key(run.id, f"step/{name}") for name in CLASSES}
    happened = {name: {key: 1} for name, key in keys.items()}
    assert effects(soak, run, happened) == []
    for name in ("idempotent", "once"):
        assert "was done 2 times" in effects(soak, run, {**happened, name: {keys[name]: 2}}, 1)[0]
    twice = {**happened, "checkable": {keys["checkable"]: 2}}
    assert effects(soak, run, twice, 1) == []
    assert "done twice" in effects(soak, run, twice)[0]
    assert "done 3 times" in effects(soak, run, {**happened, "checkable": {keys["checkable"]: 3}}, 5)[0]
    assert "is said to be done and was not" in effects(soak, run, {**happened, "once": {}})[0]
    assert "no journal speaks of it" in effects(soak, run, {**happened, "once": {keys["once"]: 1, "other": 1}})[0]


def money(soak: dict[str, Any], run: Any, charged: Any, moments: Any = ()) -> list[str]:
    accounts = soak["accounts"]
    return list(accounts.money_wrong([run], charged, set(), moments, accounts.Balance()))


def test_money_to_the_micro_dollar(soak: dict[str, Any]) -> None:
    run = told(soak, answers=[("7", 100)], costs={"step1/model": 100})
    assert money(soak, run, {"7": ("1-1", 100, 5.0)}) == []
    assert "charged was ('1-1', 101, 5.0)" in money(soak, run, {"7": ("1-1", 101, 5.0)})[0]
    assert "charged was None" in money(soak, run, {})[0]
    twice = told(soak, answers=[("7", 100), ("7", 100)], costs={"a": 100, "b": 100})
    assert "answer 7 is counted 2 times" in money(soak, twice, {"7": ("1-1", 100, 5.0)})


def test_an_answer_that_nobody_heard_is_explained_and_set_down(soak: dict[str, Any]) -> None:
    charged = {"7": ("1-1", 100, 50.0)}
    assert money(soak, told(soak, lost=120), charged, [(49.0, 51.0)]) == []
    assert "in no journal" in money(soak, told(soak, lost=120), charged, [(10.0, 20.0)])[0]
    assert "80 set down" in money(soak, told(soak, lost=80), charged, [(49.0, 51.0)])[0]


def test_a_run_that_goes_on_is_told_of_by_and_by(soak: dict[str, Any]) -> None:
    run = told(soak, answers=[("7", 100)], costs={"step1/model": 100}, lost=20)
    run.carry()
    run.costs["step2/model"], run.answers = 30, [("8", 30)]
    assert (run.cost, run.spent, run.spent_lost) == (150, 30, 0)
    assert money(soak, run, {"8": ("1-1", 30, 5.0)}) == []
