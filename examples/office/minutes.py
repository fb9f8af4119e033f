"""From the minutes of a meeting to tickets."""

import json
import re
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent


@tool(effect="read")
def read_minutes(file: str) -> str:
    """Read minutes.

    Args:
        file: Their path, seen from this file.
    """
    return (HERE / file).read_text()


@tool(effect="read")
def find_actions(minutes: str) -> list[dict[str, Any]]:
    """Find what was agreed to be done: `{who, what, due}`, where `due` may be null.

    Args:
        minutes: The whole text.
    """
    found = re.findall(r"^- ACTION: (\w+) (.+?)(?:, by (\d{4}-\d\d-\d\d))?$", minutes, re.MULTILINE)
    return [{"who": who, "what": what, "due": due or None} for who, what, due in found]


@tool(effect="idempotent")
def open_ticket(who: str, what: str, into: str, due: str | None = None, *, key: str) -> str:
    """Open a ticket, once for each call, and give its name.

    Args:
        who: Whose it is.
        what: What is to be done.
        into: The folder of the tickets.
        due: The day by which it is done.
    """
    path = Path(into) / f"{who.lower()}-{'-'.join(re.findall('[a-z]+', what.lower())[:4])}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"who": who, "what": what, "due": due}, indent=2) + "\n")
    return path.stem
