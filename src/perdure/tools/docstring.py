"""What a docstring says of a function and of its parameters: Google, NumPy and Sphinx style."""

from __future__ import annotations

import re
from inspect import cleandoc

_SPHINX = r":(?:param|parameter|arg|argument)\s+(?:[^:\n]*?\s)?\*{0,2}(\w+)\s*:\s*(.*)"
_FIELD = r":\w+[^:\n]*:"
_GOOGLE = r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)"
_NUMPY = r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?"
_PARAMETERS = {"args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters"}
_OTHERS = {
    "returns", "return", "yields", "yield", "raises", "raise", "examples", "example", "notes", "note", "see also",
    "references", "warnings", "warning", "warns", "attributes", "todo",
}  # fmt: skip


def parse_docstring(doc: str | None) -> tuple[str, dict[str, str]]:
    """The text before the first section, and what is said of each parameter by its name. Never fails: what is in no
    known style is text."""
    lines = cleandoc(doc or "").splitlines()
    text: list[str] = []
    parameters: dict[str, str] = {}
    number = 0
    in_text = True
    while number < len(lines):
        line = lines[number]
        section = _section(lines, number)
        if section:
            in_text = False
            underlined = number + 1 < len(lines) and _underline(lines[number + 1])
            end = _section_end(lines, number + 1 + underlined)
            if section in _PARAMETERS:
                body = lines[number + 1 + underlined : end]
                parameters.update(_numpy(body) if underlined else _google(body))
            number = end
        elif match := re.fullmatch(_SPHINX, line.strip()):
            in_text = False
            said = [match[2]]
            while number + 1 < len(lines) and lines[number + 1].startswith(" "):
                number += 1
                said.append(lines[number].strip())
            parameters[match[1]] = " ".join(filter(None, said))
            number += 1
        else:
            in_text = in_text and not re.match(_FIELD, line.strip())
            if in_text:
                text.append(line)
            number += 1
    return "\n".join(text).strip(), parameters


def _section(lines: list[str], number: int) -> str:
    """The name of the section that begins at this line, "" for none."""
    line = lines[number]
    name = line.strip().rstrip(":").lower()
    if line.startswith(" ") or name not in _PARAMETERS | _OTHERS:
        return ""
    if number + 1 < len(lines) and _underline(lines[number + 1]):
        return name
    return name if line.rstrip().endswith(":") else ""


def _underline(line: str) -> bool:
    return len(line.strip()) >= 3 and not line.strip().strip("-=")


def _section_end(lines: list[str], number: int) -> int:
    while number < len(lines) and not _section(lines, number) and not re.match(_SPHINX, lines[number].strip()):
        number += 1
    return number


def _google(lines: list[str]) -> dict[str, str]:
    """`name (type): what it is`, with what follows indented deeper than the name."""
    found: dict[str, list[str]] = {}
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    name = ""
    for line in lines:
        if not line.strip():
            continue
        match = re.fullmatch(_GOOGLE, line.strip())
        if match and len(line) - len(line.lstrip()) == indent:
            name = match[1]
            found[name] = [match[2]]
        elif name:
            found[name].append(line.strip())
    return {name: " ".join(filter(None, said)) for name, said in found.items()}


def _numpy(lines: list[str]) -> dict[str, str]:
    """`name : type` at the margin, what it is indented below."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        match = re.fullmatch(_NUMPY, line.strip())
        if match and not line.startswith(" "):
            names = [name.strip() for name in match[1].split(",")]
            found.update({name: [] for name in names})
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(said) for name, said in found.items()}
