"""`${NAME}` and `${NAME:-default}` in the texts of a file; `$${` stands for `${` itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .problems import Finding, Path

_USE = r"\$\$\{|\$\{([^}\n]*)(\}?)"
_INSIDE = r"(?s)([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?"


def fill(tree: Any, environment: Mapping[str, str]) -> tuple[Any, list[Finding]]:
    """A copy of the tree with its variables filled in, and a finding for each that cannot be.

    A filled value stays text, whatever it looks like; the field that it belongs to decides what it means. As in a
    shell, the default is used where the variable is absent or empty. What a variable holds is not looked at again.
    """
    findings: list[Finding] = []
    return _fill(tree, (), environment, findings), findings


def _fill(value: Any, path: Path, environment: Mapping[str, str], findings: list[Finding]) -> Any:
    if isinstance(value, str):
        return _fill_text(value, path, environment, findings) if "${" in value else value
    if isinstance(value, dict):
        return {key: _fill(item, (*path, key), environment, findings) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, (*path, index), environment, findings) for index, item in enumerate(value)]
    return value


def _fill_text(text: str, path: Path, environment: Mapping[str, str], findings: list[Finding]) -> str:
    def replace(use: re.Match[str]) -> str:
        if use[0] == "$${":
            return "${"
        inside = re.fullmatch(_INSIDE, use[1])
        if inside is None or not use[2]:
            shown = use[0] if len(use[0]) <= 40 else use[0][:40] + "…"
            findings.append(Finding(path, f"`{shown}` is not a variable; write `$${{` where `${{` is meant as text"))
            return use[0]
        name, default = inside[1], inside[2]
        found = environment.get(name)
        if not found and default is not None:
            return str(default)
        if found is None:
            findings.append(Finding(path, f"the environment variable {name} is not set", variable=name))
            return use[0]
        if not _is_text(found):
            findings.append(Finding(path, f"the environment variable {name} does not hold valid UTF-8 text"))
            return use[0]
        return found

    return re.sub(_USE, replace, text)


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
