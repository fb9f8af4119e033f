"""Where code is: the digest that stands for a function's source, and the line that an error came from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

from perdure.base.codec import digest_bytes


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function at the bottom of partials, wrappers, bound methods and callable objects."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if inspect.isfunction(function) or inspect.ismethod(function) or inspect.isbuiltin(function):
        return getattr(function, "__func__", function)
    return function if inspect.isclass(function) else plain_function(type(function).__call__)


def source_digest(function: Callable[..., Any]) -> str:
    """32 hex digits that change when the function's source does; of its bytecode where the source is not to be had."""
    plain = plain_function(function)
    code = getattr(plain, "__code__", None)
    try:
        text = dedent(_source(plain, code))
    except (OSError, TypeError):
        text = ""
    if not text and code is not None:
        text = _code_text(code)
    return digest_bytes(text.encode(errors="surrogatepass")) if text else ""


def where(error: BaseException, file: str = "") -> str:
    """`name.py:12`, the innermost line of this file (of any, if "") that the error passed; "" where it passed none."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        passed = trace.tb_frame.f_code.co_filename
        if passed == file if file else not passed.startswith("<"):
            found = f"{Path(passed).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _source(function: Callable[..., Any], code: CodeType | None) -> str:
    """The lines of a function down to its last instruction: `inspect.getsource` would read them token by token."""
    last = max((end or 0 for _, end, _, _ in code.co_positions()), default=0) if code is not None else 0
    if not last:  # a class, or an interpreter that keeps no positions
        return inspect.getsource(function)
    lines, first = inspect.findsource(function)
    return "".join(lines[first:last])


def _code_text(code: CodeType) -> str:
    consts = [_code_text(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, consts))
