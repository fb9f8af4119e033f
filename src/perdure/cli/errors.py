"""How an error is told: what it is, its facts and the cure on stderr; an object on stdout where JSON was asked for."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from perdure.base.errors import PerdureError

from .exits import FAILED, code_of_error
from .json import print_json
from .terminal import note, paint

_LONGEST_FACT = 200


def report(error: PerdureError, *, json: bool) -> int:
    """Tell the error; returns the exit code."""
    if os.environ.get("PERDURE_DEBUG") == "1":
        note("".join(traceback.format_exception(error)).rstrip())
    told = error.as_dict()
    tell(told)
    if json:
        print_json({"error": plain(told)})
    return code_of_error(error)


def report_unexpected(error: Exception, *, json: bool) -> int:
    """Tell a defect of Perdure's own, with all that a report of it needs; returns the exit code."""
    note("".join(traceback.format_exception(error)).rstrip())
    code = f"unexpected.{type(error).__name__}"
    tell(
        {
            "code": code,
            "message": str(error),
            "hint": "This is a defect of Perdure. Please report it with the lines above.",
        }
    )
    if json:
        print_json({"error": {"code": code, "message": str(error)}})
    return FAILED


def tell(error: Mapping[str, Any]) -> None:
    """`error[code]: message`, the facts that the message does not name, and the hint."""
    message = str(error.get("message", "")).replace(f"{Path.cwd()}{os.sep}", "")
    head = paint(f"error[{error.get('code', 'error')}]", err=True, fg="red", bold=True)
    # Many problems of a file are told one below the other, each beginning with its place.
    note(f"{head}:{chr(10) if chr(10) in message else ' '}{message}")
    for name, fact in error.get("facts", {}).items():
        shown = fact if isinstance(fact, str) else msgspec.json.encode(plain(fact)).decode()
        if shown not in message:
            note(f"  {name}: {shown if len(shown) <= _LONGEST_FACT else shown[:_LONGEST_FACT] + '…'}")
    if error.get("hint"):
        note(f"{paint('hint', err=True, fg='cyan')}: {error['hint']}")


def plain(value: Any) -> Any:
    """The value as JSON can hold it; what JSON cannot is told in words."""
    return msgspec.to_builtins(value, enc_hook=str)
