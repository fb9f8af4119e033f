"""Arithmetic on text: a recursive descent parser that reckons exactly, and refuses what would take for ever.

    sum     = term (("+" | "-") term)*
    term    = unary (("*" | "/" | "//" | "%" | "of") unary)*
    unary   = ("-" | "+") unary | power
    power   = postfix (("**" | "^") unary)?
    postfix = atom ("!" | "%")*                  "%" is percent where no operand follows it
    atom    = number | constant | function "(" sum ("," sum)* ")" | "(" sum ")"

Decimal numbers are fractions here, so that 0.1 + 0.2 is 0.3; only roots, logarithms and the like become floats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TypeAlias

from perdure.base.errors import InvalidArguments
from perdure.base.nearest import nearest

Number: TypeAlias = Fraction | float

MAX_LENGTH = 1_000
MAX_DEPTH = 50
MAX_BITS = 13_000  # about 3,900 digits; Python itself writes no integer of more than 4,300
MAX_FACTORIAL = 1_000
EXACT_DIGITS = 40
ROUNDED_DIGITS = 16

_NUMBER = re.compile(r"(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?")
_SIGNED = re.compile(r"\s+[-+]+[\w(.]")
_OPERATOR = re.compile(r"\*\*|//|[-+*/%^!(),]")
_NAME = re.compile(r"[A-Za-zπ][A-Za-z0-9]*")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "√": " sqrt "})


def reckon(expression: str) -> Number:
    """The value of an arithmetic expression. Raises InvalidArguments saying what is wrong, and where."""
    if len(expression) > MAX_LENGTH:
        raise _wrong(f"the expression is longer than {MAX_LENGTH} characters")
    return _Parser(expression.translate(_SIGNS)).whole()


def show(value: Number) -> str:
    """The value in digits: exact where 40 digits suffice, else rounded to 16 significant ones."""
    if isinstance(value, float):
        return f"{value:.{ROUNDED_DIGITS}g}"
    if value.denominator == 1:
        return str(value.numerator)
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        if Fraction(exact) != value:
            context.prec = ROUNDED_DIGITS
            exact = +exact
        return f"{exact:f}" if -20 < exact.adjusted() < context.prec else f"{exact.normalize():e}"


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._in_call = False  # where a comma parts arguments, not thousands

    def whole(self) -> Number:
        if not self._peek():
            raise _wrong("the expression is empty")
        value = self._sum()
        if self._peek():
            raise self._unexpected()
        return value

    def _sum(self) -> Number:
        value = self._term()
        while sign := self._take("+", "-"):
            value = _fit(_SUMS[sign], value, self._term())
        return value

    def _term(self) -> Number:
        value = self._unary()
        while sign := self._take("*", "/", "//", "%", "of"):
            value = _fit(_TERMS[sign], value, self._unary())
        return value

    def _unary(self) -> Number:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(f"the expression is nested more than {MAX_DEPTH} levels deep")
        sign = self._take("-", "+")
        if sign:
            value = -self._unary() if sign == "-" else self._unary()
        else:
            value = self._postfix()
            if self._take("**", "^"):
                value = _fit(_power, value, self._unary())
        self._depth -= 1
        return value

    def _postfix(self) -> Number:
        value = self._atom()
        while True:
            before = self._at
            if self._take("!"):
                value = _factorial(value)
            elif self._take("%"):
                if self._operand_follows():
                    self._at = before
                    return value
                value = value / 100
            else:
                return value

    def _atom(self) -> Number:
        self._peek()
        grouped = None if self._in_call else _GROUPED.match(self._text, self._at)
        match = grouped or _NUMBER.match(self._text, self._at)
        if match:
            self._at = match.end()
            digits = match[0].replace(",", "").replace("_", "")
            # Fraction reads text four times slower than int does.
            return _bounded(Fraction(int(digits) if digits.isdecimal() else digits))
        if self._take("("):
            return self._closed(in_call=False)[0]
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._unexpected()
        name = match[0].lower()
        if name in _CONSTANTS:
            self._at = match.end()
            return _CONSTANTS[name]
        if name not in _FUNCTIONS:
            close = nearest(name, [*_FUNCTIONS, *_CONSTANTS])
            raise _wrong(
                f"there is no {match[0]}; " + (f"did you mean {close}?" if close else f"use {', '.join(_FUNCTIONS)}")
            )
        self._at = match.end()
        if self._take("("):
            return _apply(name, self._closed(in_call=True))
        if name == "sqrt":  # as √2 is written
            return _apply(name, [self._postfix()])
        raise _wrong(f"{name} is a function: write {name}(…)")

    def _closed(self, *, in_call: bool) -> list[Number]:
        """What stands up to the closing parenthesis; several values, parted by commas, in a call."""
        outer, self._in_call = self._in_call, in_call
        values = [self._sum()]
        while in_call and self._take(","):
            values.append(self._sum())
        if not self._take(")"):
            raise _wrong("a closing parenthesis is missing") if not self._peek() else self._unexpected()
        self._in_call = outer
        return values

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, *wanted: str) -> str:
        follows = self._peek()
        match = (_NAME if follows.isalpha() else _OPERATOR).match(self._text, self._at) if follows else None
        if match is None or match[0] not in wanted:
            return ""
        self._at = match.end()
        return match[0]

    def _operand_follows(self) -> bool:
        """Whether a `%` is between two numbers. A sign belongs to the second one where it stands at it, as in `7 % -2`;
        in `50% - 2` and `50%-2` it is a difference."""
        if _SIGNED.match(self._text, self._at):
            return True
        follows = self._peek()
        return follows != "" and (follows in "(." or follows.isalnum()) and not self._text.startswith("of ", self._at)

    def _unexpected(self) -> InvalidArguments:
        found = self._peek()
        if not found:
            return _wrong("the expression ends where a value should follow")
        return _wrong(f"unexpected {found!r} at position {self._at + 1}")


def _fit(operation: Callable[[Number, Number], Number], left: Number, right: Number) -> Number:
    """The operation's result, within bounds. A float is finite; a fraction has no more than MAX_BITS."""
    try:
        value = operation(left, right)
    except ZeroDivisionError as error:
        raise _wrong("division by zero") from error
    except OverflowError as error:
        raise _too_large() from error
    if isinstance(value, Fraction):
        return _bounded(value)
    if isinstance(value, complex) or math.isnan(value):
        raise _wrong("the result is not a real number")
    if math.isinf(value):
        raise _too_large()
    return value


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise _too_large()
    return value


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        # Known before it is reckoned: 9**9**9 has 370 million digits.
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size > 1 and (size - 1) * abs(exponent.numerator) > MAX_BITS:
            raise _too_large()
        return base**exponent.numerator
    found: Number = float(base) ** float(exponent)
    return found


def _factorial(value: Number) -> Number:
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise _wrong("a factorial needs a whole number that is not negative")
    if value > MAX_FACTORIAL:
        raise _wrong(f"a factorial of more than {MAX_FACTORIAL} is too large")
    return Fraction(math.factorial(value.numerator))


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    """Half away from zero, as people round."""
    if not isinstance(places, Fraction) or places.denominator != 1 or abs(places) > 100:
        raise _wrong("round takes a whole number of places, 100 at most")
    scale = Fraction(10) ** places.numerator
    scaled = abs(Fraction(value)) * scale
    return Fraction(math.floor(scaled + Fraction(1, 2))) / scale * (-1 if value < 0 else 1)


def _sqrt(value: Number) -> Number:
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _log(value: Number, base: Number = Fraction(10)) -> Number:
    if value <= 0 or base <= 0 or base == 1:
        raise _wrong("a logarithm needs a positive number, and a positive base other than 1")
    found = math.log10(value) if base == 10 else math.log2(value) if base == 2 else math.log(value) / math.log(base)
    whole = round(found)
    # Exact where it can be: log(1000) is 3, not 2.9999999999999996.
    if abs(found - whole) < 1e-9 and abs(whole) < 400 and _power(base, Fraction(whole)) == value:
        return Fraction(whole)
    return found


def _ln(value: Number) -> Number:
    if value <= 0:
        raise _wrong("a logarithm needs a positive number")
    return math.log(value)


def _apply(name: str, values: list[Number]) -> Number:
    function, least, most = _FUNCTIONS[name]
    if not least <= len(values) <= most:
        wanted = str(least) if least == most else f"{least} to {most}" if most < 100 else f"{least} or more"
        raise _wrong(f"{name} takes {wanted} values, {len(values)} given")
    try:
        return _fit(lambda _a, _b: function(*values), values[0], values[0])
    except ValueError as error:
        raise _wrong(f"{name} is not defined for {', '.join(show(value) for value in values)}") from error


def _whole(function: Callable[[Number], int]) -> Callable[[Number], Number]:
    return lambda value: Fraction(function(value))


def _circular(function: Callable[[float], float]) -> Callable[[Number], Number]:
    """Rounded where floats end, so that sin(pi) is 0."""
    return lambda value: round(function(float(value)), 15) + 0.0


def _wrong(what: str) -> InvalidArguments:
    return InvalidArguments(f"cannot be calculated: {what}")


def _too_large() -> InvalidArguments:
    return _wrong("the result is too large")


_CONSTANTS: dict[str, Number] = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau}
_SUMS: dict[str, Callable[[Number, Number], Number]] = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}
_TERMS: dict[str, Callable[[Number, Number], Number]] = {
    "*": lambda a, b: a * b,
    "of": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b if isinstance(a, float) or isinstance(b, float) else Fraction(a // b),
    "%": lambda a, b: a % b,
}
_FUNCTIONS: dict[str, tuple[Callable[..., Number], int, int]] = {
    "sqrt": (_sqrt, 1, 1),
    "sin": (_circular(math.sin), 1, 1),
    "cos": (_circular(math.cos), 1, 1),
    "tan": (_circular(math.tan), 1, 1),
    "asin": (lambda value: math.asin(value), 1, 1),
    "acos": (lambda value: math.acos(value), 1, 1),
    "atan": (lambda value: math.atan(value), 1, 1),
    "log": (_log, 1, 2),
    "log10": (_log, 1, 1),
    "log2": (lambda value: _log(value, Fraction(2)), 1, 1),
    "ln": (_ln, 1, 1),
    "exp": (lambda value: math.exp(value) if value else Fraction(1), 1, 1),
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "min": (min, 1, 100),
    "max": (max, 1, 100),
    "sum": (lambda *values: sum(values, Fraction(0)), 1, 100),
    "floor": (_whole(math.floor), 1, 1),
    "ceil": (_whole(math.ceil), 1, 1),
    "factorial": (_factorial, 1, 1),
    "degrees": (lambda value: math.degrees(value), 1, 1),
    "radians": (lambda value: math.radians(value), 1, 1),
}
