"""`calculator`: what models are bad at."""

from __future__ import annotations

from fractions import Fraction

from perdure.base.messages import Text

from ..function import FunctionTool
from ..port import Tool, ToolOutput
from .arithmetic import reckon, show
from .port import Builtin, Options, Setting

_SAFE = 2**53  # beyond it, JSON readers in other languages lose digits


async def calculator(expression: str) -> ToolOutput:
    """Calculate an arithmetic expression exactly.

    Operators + - * / // % ** ^ ! and parentheses; 15% and 15% of 80; functions sqrt, sin, cos, tan, log (base 10, or
    log(x, base)), ln, exp, abs, round, min, max, sum, floor, ceil, factorial; constants pi and e. Angles are radians.

    Args:
        expression: The expression, for example "25 * 47" or "round(1,299.99 * 1.19, 2)".
    """
    value = reckon(expression)
    whole = isinstance(value, Fraction) and value.denominator == 1
    shown = show(value)
    if not -_SAFE < value < _SAFE:
        return ToolOutput((Text(shown),))
    return ToolOutput((Text(shown),), int(value) if whole else float(value))


def make(options: Options, setting: Setting) -> tuple[Tool, ...]:
    return (FunctionTool(calculator, effect="read", timeout="5s", builtin=True),)


BUILTIN = Builtin(Options, make)
