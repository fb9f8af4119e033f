from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import InvalidArguments
from perdure.tools.builtin.arithmetic import reckon, show
from perdure.tools.builtin.calculator import BUILTIN
from perdure.tools.builtin.port import Options, Setting

CTX: Any = None


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("25 * 47", "1175"),
        ("0.1 + 0.2", "0.3"),
        ("1/3*3", "1"),
        ("1/3", "0.3333333333333333"),
        ("-2**2", "-4"),
        ("2**-1", "0.5"),
        ("2^3^2", "512"),
        ("+-+3", "-3"),
        ("1,234,567.89 + 1", "1234568.89"),
        ("1_000 * 2", "2000"),
        ("max(1,234)", "234"),
        ("max((1,234), 3)", "1234"),
        ("min(3, 2.5, 4) + sum(1, 2)", "5.5"),
        ("10 % 3", "1"),
        ("10 %(3)", "1"),
        ("10 % pi", "0.5752220392306207"),
        ("-7 // 2", "-4"),
        ("7.5 // 2", "3"),
        ("pi // 1", "3"),
        ("50%", "0.5"),
        ("(50%) - 3", "-2.5"),
        ("50% - 3", "-2.5"),
        ("15% of 80", "12"),
        ("200 * 10%", "20"),
        ("5 × 3 ÷ 2 − 1", "6.5"),
        ("√16 + sqrt(2)**2", "6"),
        ("sqrt(16/9) * 3", "4"),
        ("sqrt 2", "1.414213562373095"),
        ("sin(pi) + cos(π/3) + tan(0)", "0.5"),
        ("degrees(asin(1)) + radians(0) + acos(1) + atan(0)", "90"),
        ("log(1000)", "3"),
        ("log(8, 2) + log2(8) + log10(10)", "7"),
        ("log(2)", "0.3010299956639812"),
        ("log(10, 3)", "2.095903274289385"),
        ("ln(e) + exp(0)", "2"),
        ("exp(1)", "2.718281828459045"),
        ("abs(-3) + floor(2.7) + ceil(2.1)", "8"),
        ("round(2.5)", "3"),
        ("round(-1.005, 2)", "-1.01"),
        ("round(1234, -2)", "1200"),
        ("5! + factorial(3)", "126"),
        ("3!!", "720"),
        (".5 + 5.", "5.5"),
        ("1e5 + 2.5e-1", "100000.25"),
        ("1e-30", "1e-30"),
        ("1e-30 / 3", "3.333333333333333e-31"),
        ("10**30 / 3", "3.333333333333333e+29"),
        ("2**200", str(2**200)),
        ("1.0 * 3.00", "3"),
    ],
)
def test_expressions_have_their_value(expression: str, shown: str) -> None:
    assert show(reckon(expression)) == shown


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "the expression is empty"),
        ("2 +", "ends where a value should follow"),
        ("(1", "a closing parenthesis is missing"),
        ("(1 2)", "unexpected '2' at position 4"),
        ("1)", "unexpected ')' at position 2"),
        ("1,23", "unexpected ',' at position 2"),
        ("1..2", "unexpected '.' at position 3"),
        ("__import__('os')", "unexpected '_' at position 1"),
        ("x.__class__", "there is no x"),
        ("sqr(4)", "there is no sqr; did you mean sqrt?"),
        ("sin", "sin is a function: write sin(…)"),
        ("max()", "unexpected ')'"),
        ("sin(1, 2)", "sin takes 1 values, 2 given"),
        ("log(1, 2, 3)", "log takes 1 to 2 values, 3 given"),
        ("1/0", "division by zero"),
        ("5 % 0", "division by zero"),
        ("0**-1", "division by zero"),
        ("(-8)**(1/3)", "not a real number"),
        ("sqrt(-1)", "sqrt is not defined for -1"),
        ("asin(2)", "asin is not defined for 2"),
        ("log(0)", "a logarithm needs a positive number"),
        ("log(5, 1)", "a positive base other than 1"),
        ("ln(-1)", "a logarithm needs a positive number"),
        ("1.5!", "a factorial needs a whole number"),
        ("(-1)!", "a factorial needs a whole number"),
        ("1001!", "a factorial of more than 1000 is too large"),
        ("round(1, 0.5)", "a whole number of places"),
        ("exp(1000)", "too large"),
        ("e**1e5", "too large"),
        ("1e400 * 1.5 * pi", "too large"),
        ("1e300 * pi * 1e300", "too large"),
        ("1e9999", "too large"),
        ("1" * 1001, "longer than 1000 characters"),
        ("(" * 60 + "1" + ")" * 60, "nested more than 50 levels"),
        ("-" * 900 + "1", "nested more than 50 levels"),
        ("2**" * 300 + "1", "nested more than 50 levels"),
    ],
)
def test_what_is_wrong_is_said(expression: str, said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        reckon(expression)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "9**9**9**9",
        "(9**999)**999",
        "2**1e9",
        "2**-1e9",
        "1.5**99999999",
        "1e99!",
        "*".join(["9**999"] * 90),
    ],
)
def test_what_would_take_for_ever_is_refused_at_once(expression: str) -> None:
    with pytest.raises(InvalidArguments):
        reckon(expression)


numbers = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=3, allow_nan=False, allow_infinity=False).map(
    lambda one: f"{one:f}"
)
expressions = st.recursive(
    numbers,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(lambda one: f"({' '.join(one)})")
        | inner.map(lambda one: f"-{one}")
        | inner.map(lambda one: f"({one})**2")
    ),
    max_leaves=8,
)


def python(expression: str) -> Fraction:
    """The same by Python's own grammar, over fractions."""
    exact = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)(?!\w)", lambda match: f"F('{match[1]}')", expression)
    exact = exact.replace("**F('2')", "**2")
    return Fraction(eval(exact, {"F": Fraction}))


@given(expressions)
def test_it_agrees_with_python(expression: str) -> None:
    try:
        expected = python(expression)
    except ZeroDivisionError:
        with pytest.raises(InvalidArguments, match="division by zero"):
            reckon(expression)
        return
    assert reckon(expression) == expected


@given(st.text("0123456789+-*/%^!(),.eπ×√ sinlogmaxof", max_size=40))
def test_any_text_gives_a_number_or_a_reason(text: str) -> None:
    try:
        assert show(reckon(text))
    except InvalidArguments as error:
        assert error.message.startswith("cannot be calculated: ")


@given(st.fractions(max_denominator=10**12))
def test_what_is_shown_reads_back_to_16_digits(value: Fraction) -> None:
    again = Fraction(Decimal(show(value)))
    assert abs(again - value) <= abs(value) * Fraction(1, 10**15)


async def test_the_tool_gives_text_and_a_number() -> None:
    (calculator,) = BUILTIN.make(Options(), Setting(folder=None))  # type: ignore[arg-type]
    assert calculator.effect == "read"

    async def ask(expression: str) -> tuple[str, Any]:
        output = await calculator.call({"expression": expression}, key="k", ctx=CTX)
        return output.text, output.plain

    assert await ask("25 * 47") == ("1175", 1175)
    assert await ask("1/4") == ("0.25", 0.25)
    assert await ask("2**60") == (str(2**60), str(2**60)), "a number that JSON readers would round is text"
