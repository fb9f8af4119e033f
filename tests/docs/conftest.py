"""What docs and examples show at a prompt is run, and has to print what they say that it prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMPT = "$ "
Session = list[tuple[str, list[str]]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder that has the examples, as a checkout has."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", ".perdure"))
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a shell has in which this checkout is installed."""
    commands = _commands(tmp_path_factory.mktemp("bin"))
    return {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "NO_COLOR": "1",
    }


@pytest.fixture
def converse(project: Path, environment: dict[str, str]) -> Callable[[str], None]:
    """Runs the lines of a text that begin with `$ ` in the project, and compares what each prints with the lines that
    follow it. `…` stands for anything."""

    def run(text: str) -> None:
        for command, expected in read_session(text):
            done = subprocess.run(
                command, shell=True, cwd=project, env=environment, capture_output=True, text=True, timeout=60
            )
            said = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
            assert _matches(said, expected), f"{command}\nprinted {said}\nexpected {expected}\n{done.stderr}"

    return run


def _commands(folder: Path) -> Path:
    """`perdure` and `python` of the interpreter that runs the tests."""
    for name, arguments in (("python", ""), ("perdure", "-c 'from perdure.cli.main import main; main()'")):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        file.chmod(0o755)
    return folder


def read_session(text: str) -> Session:
    """Commands and the lines that each is to print."""
    session: Session = []
    for line in text.splitlines():
        if line.startswith(PROMPT):
            session.append((line.removeprefix(PROMPT), []))
        elif session and line.strip():
            session[-1][1].append(line.rstrip())
    return session


def _matches(said: list[str], expected: list[str]) -> bool:
    pattern = "\n".join(expected)
    return re.fullmatch(re.escape(pattern).replace("…", ".*"), "\n".join(said), re.DOTALL) is not None
