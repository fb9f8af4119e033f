"""What cannot be read, and where that is."""

from __future__ import annotations

import pytest

from perdure.flows.expressions.lexer import SyntaxFault
from perdure.flows.expressions.parser import DEEPEST, parse


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("", 0, "there is nothing between the braces"),
        ("a +", 2, "ends too early"),
        ("(a", 0, "never closed"),
        ("a b", 2, "`b` cannot stand here"),
        ("a..b", 2, "expected the name of a field"),
        ("a | 3", 4, "expected the name of a filter"),
        ("[1, 2", 0, "never closed"),
        ("[1 2]", 3, "expected `]`, found `2`"),
        ("{a 1}", 3, "expected `:`"),
        ("'x", 0, "this quote is never closed"),
        ("a = 1", 2, "write `==`"),
        ("a && b", 2, "write `and`"),
        ("!a", 0, "write `not`"),
        ("a ? b : c", 2, "write `a if condition else b`"),
        ("${a}", 0, "names stand alone"),
        ("a < b < c", 6, "compare two things at a time"),
        ("a if b", 6, "expected `else`"),
        ("1(2)", 1, "only a function can be called"),
        ("a}", 1, "closes nothing"),
        ("99999999999999999999", 0, "too large"),
        ("1e999", 0, "too large"),
        ("a ; b", 2, "`;` has no meaning here"),
        ("not", 2, "ends too early"),
        ("a not b", 2, "cannot stand here"),
    ],
)
def test_what_is_wrong_has_a_place(text: str, at: int, said: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(text)
    assert said in caught.value.what
    assert caught.value.at == at


def test_depth_and_length_are_bounded() -> None:
    parse("(" * (DEEPEST - 1) + "1" + ")" * (DEEPEST - 1))
    for text in ("(" * 10_000 + "1", "-" * 10_000 + "1", "[" * 10_000, "not " * 10_000 + "a", "+".join(["1"] * 10_000)):
        with pytest.raises(SyntaxFault, match=r"deeper than|longer than"):
            parse(text)
