"""The tree of errors: codes are the public contract."""

from __future__ import annotations

import ast
from pathlib import Path

from perdure.base import errors
from perdure.base.errors import ERRORS, BudgetExceeded, InvalidFile, Overloaded, PerdureError, RateLimited


def every(cls=PerdureError):
    yield cls
    for sub in cls.__subclasses__():
        yield from every(sub)


def test_every_class_has_a_code_of_its_own():
    ours = [cls for cls in every() if cls.__module__ == errors.__name__]
    assert len({cls.code for cls in ours}) == len(ours)
    assert all(ERRORS[cls.code] is cls for cls in ours)


def test_the_tree_in_the_text_names_every_class():
    text = ast.get_docstring(ast.parse(Path(errors.__file__).read_text()))
    assert [cls.__name__ for cls in every() if cls.__module__ == errors.__name__ and cls.__name__ not in text] == []


def test_an_error_is_shown_with_facts_and_cure():
    shown = BudgetExceeded("too dear", scope="run:1", limit=5).as_dict()
    assert shown == {
        "code": "budget.exceeded",
        "message": "too dear",
        "hint": BudgetExceeded.hint,
        "facts": {"scope": "run:1", "limit": 5},
    }
    assert PerdureError("plain").as_dict() == {"code": "error", "message": "plain"}


def test_hint_and_retry_can_be_said_anew():
    error = Overloaded("busy", retry_after=3)
    assert (error.retryable, error.as_dict()["retryable"], error.retry_after) == (True, True, 3)
    error = PerdureError("x", hint="do this", retryable=True)
    assert (error.hint, error.retryable) == ("do this", True)


def test_some_errors_carry_more():
    assert RateLimited("slow down", retry_after=1.5, model="m").retry_after == 1.5
    assert InvalidFile("bad", problems=("a", "b")).problems == ("a", "b")
