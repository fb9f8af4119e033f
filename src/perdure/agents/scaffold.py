"""A new project: the files that `perdure init` writes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from perdure.base.errors import InputError

from .schema import file_schema

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

PROJECT = """\
#:schema ./schema/project.schema.json
# Settings that every agent of this project shares. `perdure schema project` tells what else there is.

[project]
name = "{name}"

[defaults]
model = "demo/planner"          # answers offline; replace it by openai/…, anthropic/…, ollama/…

[budget]
per_day = "$5"                  # what all agents together may spend in a day

# [providers.openai]
# api_key = "${{OPENAI_API_KEY}}"  # read from the environment, never from this file
"""

AGENT = """\
# yaml-language-server: $schema=../schema/agent.schema.json
name: assistant
description: Calculates, and reads the documents of this project
model: demo/planner             # a rule-based planner that needs no key; replace it by a language model
instructions: |
  You are a careful assistant. Use a tool wherever one helps, and say where an answer comes from.
tools:
  - calculator
  - files: ../documents         # it sees this folder and nothing else
  - ../tools/example.py:count_words
budget: {per_run: $0.10, per_day: $1}
limits: {steps: 20, timeout: 5m}
"""

TOOL = '''\
"""Tools of your own: typed functions. The docstring is what the model is told."""

from perdure import tool


@tool(effect="read")
def count_words(text: str) -> int:
    """Count the words of a text.

    Args:
        text: The text to count in.
    """
    return len(text.split())
'''

DOCUMENT = """\
# Welcome

This folder is all that the assistant can see. Put documents here, and ask about them.
"""

VARIABLES = """\
# Copy to .env, fill in what you use, and load it with: set -a; . ./.env; set +a
OPENAI_API_KEY=
ANTHROPIC_API_KEY=
GEMINI_API_KEY=
"""

IGNORED = """\
.perdure/
.env
__pycache__/
"""

README = """\
# {name}

Agents that last, run by Perdure.

    perdure validate agents/assistant.yaml
    perdure run agents/assistant.yaml --input "What's 25 * 47?"
    perdure runs list

| where | what |
| --- | --- |
| `agents/` | one file for each agent |
| `tools/` | Python functions that agents may call |
| `documents/` | what the assistant may read and write |
| `perdure.toml` | settings that all agents share |
| `schema/` | what editors check these files against; `perdure schema agent` prints it anew |
| `.perdure/` | durable state: every run and what became of it |
"""


def scaffold(name: str) -> dict[str, str]:
    """The files of a new project called `name`: text by path, relative to its folder."""
    if not _NAME.fullmatch(name):
        hint = "Use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit."
        raise InputError(f"not a name for a project: {name!r}", hint=hint)
    return {
        "perdure.toml": PROJECT.format(name=name),
        "agents/assistant.yaml": AGENT,
        "tools/example.py": TOOL,
        "documents/welcome.md": DOCUMENT,
        "schema/agent.schema.json": _schema("agent"),
        "schema/project.schema.json": _schema("project"),
        ".env.example": VARIABLES,
        ".gitignore": IGNORED,
        "README.md": README.format(name=name),
    }


def create_project(folder: Path) -> list[Path]:
    """Write a new project, named after its folder. Returns what was written; raises InputError, before anything is,
    where one of the files exists."""
    files = {folder / path: text for path, text in scaffold(folder.absolute().name).items()}
    taken = next((path for path in files if path.exists()), None)
    if taken is not None:
        raise InputError(f"{taken} exists already", hint="Choose another name, or an empty folder.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _schema(kind: str) -> str:
    return msgspec.json.format(msgspec.json.encode(file_schema(kind)), indent=2).decode() + "\n"
