"""Expressions against a simple model: what Python makes of the same tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import ExpressionFailed
from perdure.flows.expressions.evaluate import evaluate
from perdure.flows.expressions.lexer import SyntaxFault
from perdure.flows.expressions.parser import parse
from perdure.flows.expressions.rewrite import renamed, walk
from perdure.flows.expressions.tree import Name
from perdure.flows.expressions.typing import infer
from perdure.flows.types import mismatch, type_of

NUMBERS = {"a": 3, "b": -2, "c": 0}
Thunk = Callable[[], Any]
Pair = tuple[str, Thunk]
"""An expression, and what it gives."""


def _binary(operator: str, left: Pair, right: Pair) -> Pair:
    run: dict[str, Callable[[Thunk, Thunk], Any]] = {
        "+": lambda x, y: x() + y(),
        "-": lambda x, y: x() - y(),
        "*": lambda x, y: x() * y(),
        "/": lambda x, y: x() / y(),
        "//": lambda x, y: x() // y(),
        "%": lambda x, y: x() % y(),
        "<": lambda x, y: x() < y(),
        "<=": lambda x, y: x() <= y(),
        "==": lambda x, y: x() == y(),
        "!=": lambda x, y: x() != y(),
        "and": lambda x, y: x() and y(),
        "or": lambda x, y: x() or y(),
    }
    return f"({left[0]} {operator} {right[0]})", lambda: run[operator](left[1], right[1])


def _literal(number: int) -> Pair:
    return (str(number) if number >= 0 else f"({number})"), lambda: number


def _name(name: str) -> Pair:
    return name, lambda: NUMBERS[name]


numbers: st.SearchStrategy[Pair] = st.recursive(
    st.one_of(st.integers(-9, 9).map(_literal), st.sampled_from(sorted(NUMBERS)).map(_name)),
    lambda inner: st.builds(_binary, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner, inner),
    max_leaves=8,
)
truths: st.SearchStrategy[Pair] = st.recursive(
    st.builds(_binary, st.sampled_from(["<", "<=", "==", "!="]), numbers, numbers),
    lambda inner: st.one_of(
        st.builds(_binary, st.sampled_from(["and", "or"]), inner, inner),
        inner.map(lambda pair: (f"(not {pair[0]})", lambda: not pair[1]())),
    ),
    max_leaves=4,
)


@given(st.one_of(numbers, truths))
@settings(max_examples=200, deadline=None)
def test_they_give_what_python_gives(pair: Pair) -> None:
    text, model = pair
    node = parse(text)
    try:
        wanted = model()
    except (ZeroDivisionError, OverflowError):
        wanted = None
    try:
        found = evaluate(node, NUMBERS)
    except ExpressionFailed as error:
        assert wanted is None or "too large" in error.message
    else:
        assert found == wanted
        assert type(found) is type(wanted)


@given(st.text(alphabet="ab.[]{}()'\"|?:,+-*/%=!<> 01not indefault$}", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_at_a_place(text: str) -> None:
    try:
        node = parse(text)
    except SyntaxFault as fault:
        assert 0 <= fault.at <= len(text)
        return
    try:
        evaluate(node, {"a": {"b": [1]}, "b": "x"})
    except ExpressionFailed:
        pass


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("xy", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
    max_leaves=5,
)
expressions = st.recursive(
    st.sampled_from(["a", "b", "1", "2.5", "'x'", "true", "null", "[a, b]", "{x: a}"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "==", "<", "and", "or", "??", "in"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"{text}.x"),
        inner.map(lambda text: f"{text}[0]"),
        st.tuples(
            inner, st.sampled_from(["length", "upper", "first", "sort", "keys", "json", "sum", "unique", "present"])
        ).map(lambda parts: f"({parts[0]} | {parts[1]})"),
    ),
    max_leaves=6,
)


@given(expressions, plain, plain)
@settings(max_examples=300, deadline=None)
def test_what_the_types_promise_is_kept(text: str, a: Any, b: Any) -> None:
    """Where nothing is wrong with the types, a value has the type that was found, or there is none."""
    node = parse(text)
    faults: list[SyntaxFault] = []
    type = infer(node, {"a": type_of(a), "b": type_of(b)}, lambda _, fault: faults.append(fault))
    try:
        value = evaluate(node, {"a": a, "b": b})
    except ExpressionFailed:
        return
    if not faults:
        assert value is None or mismatch(type, value) is None, f"{value!r} is no {type}"


@given(expressions)
@settings(max_examples=100, deadline=None)
def test_names_can_be_put_in_the_place_of_others(text: str) -> None:
    node = parse(text)
    found = {name.name for name in walk(renamed(node, {"a": "z"})) if isinstance(name, Name)}
    assert "a" not in found
    assert renamed(renamed(node, {"a": "z"}), {"z": "a"}) == node
