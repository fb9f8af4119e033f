"""Looks at a change in three ways. Each gives findings: a place, what is wrong, and how bad that is."""

import re
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent
RULES = {
    "correctness": {
        r"except\s*:": ("a bare except hides every error", "high"),
        r"def .*=\[\]": ("a default list is shared by all calls", "high"),
        r"^\s*pass$": ("an error passes in silence", "medium"),
    },
    "security": {
        r"execute\(f[\"']": ("SQL is put together from text: injection", "high"),
        r"shell=True": ("a shell gets text from outside", "high"),
        r"(?i)(api_key|secret|password)\s*=\s*[\"']": ("a secret stands in the code", "high"),
    },
    "style": {
        r"^\s*print\(": ("a print is left over", "low"),
        r"#\s*TODO": ("a TODO without an issue", "low"),
        r"def \w+\([^:)]+\):": ("a function without types", "low"),
    },
}


@tool(effect="read")
def read_diff(file: str) -> str:
    """Read a diff.

    Args:
        file: Its path, seen from this file.
    """
    return (HERE / file).read_text()


@tool(effect="read")
def inspect(diff: str, concern: str) -> list[dict[str, Any]]:
    """Look at the added lines of a diff.

    Args:
        diff: In unified form.
        concern: correctness, security or style.
    """
    findings, file, line = [], "", 0
    for text in diff.splitlines():
        if text.startswith("+++ b/"):
            file = text.removeprefix("+++ b/")
        elif found := re.match(r"@@ -\S+ \+(\d+)", text):
            line = int(found[1]) - 1
        elif not text.startswith("-"):
            line += 1
            if text.startswith("+"):
                findings += [
                    {"at": f"{file}:{line}", "what": what, "weight": weight, "concern": concern}
                    for pattern, (what, weight) in RULES[concern].items()
                    if re.search(pattern, text[1:])
                ]
    return findings
