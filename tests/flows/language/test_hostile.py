"""Files that nobody wrote in good faith: each is told what is wrong with it, at a line, at once, and never crashes."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

import pytest

from perdure.base.errors import InvalidFile
from perdure.flows.language.loader import load_flow

STEP = "tasks:\n  - set: {x: 1}\n"
SECONDS = 10
"""More than ten times what each takes: without its bound it would take minutes, or for ever."""


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "name: a\nvars:\n" + "".join(f"  {line}\n" for line in lines) + STEP


def expression(text: str) -> str:
    return f'name: a\ntasks:\n  - set: {{x: "${{{text}}}"}}\n'


def agents(count: int, steps: int) -> str:
    known = "".join(f"  agent_number_{n}: {{model: demo/planner}}\n" for n in range(count))
    asked = "".join(f"  - {{agent: agent_numbr_{n}, input: x}}\n" for n in range(steps))
    return f"name: a\nagents:\n{known}tasks:\n{asked}"


def graph(nodes: int) -> str:
    made = "".join(f"  n{n}: {{set: {{x: 1}}}}\n" for n in range(nodes))
    edges = "".join(f"  - n{n} -> n{n + 1}\n" for n in range(nodes - 1))
    return f"name: a\nnodes:\n{made}edges:\n{edges}"


def include(what: str) -> str:
    return f"name: a\ninclude: [{what}]\n{STEP}"


LONG = f"""\
name: a
agents: {{z: {"y" * 300}.yaml}}
tasks:
  - tool: ./{"q" * 400}.py:f
  - flow: {"f" * 300}.flow.yaml
"""
FILES = {
    "a bomb of aliases": (bomb(12), ":7:", "more than 100,000 values"),
    "a list within itself": ("name: a\ntasks: &t\n  - sequential: *t\n", ":3:17", "stands inside what it names"),
    "lists 10,000 deep": (f"name: a\ntasks: {'[' * 10_000}{']' * 10_000}\n", ":2:", "nested deeper than 64"),
    "steps 10,000 deep": (f"name: a\ntasks: {'[{sequential: ' * 10_000}", ":2:", "nested deeper than 64"),
    "a sum of 100,000": (expression("+".join(["1"] * 100_000)), ":3:", "longer than 1,000 words"),
    "100,000 parentheses": (expression("(" * 100_000 + ")" * 100_000), ":3:", "nested deeper than 50"),
    "100,000 times not": (expression("not " * 100_000 + "true"), ":3:", "nested deeper than 50"),
    "20,000 expressions in a text": (expression("}${".join(["a"] * 20_000)), ":3:", "unknown name"),
    "a power of powers": (expression("9**9**9**9"), ":3:19", "`*` cannot stand here"),
    "a name with nothing in it": ('name: a\nagents: {"an\u200bn": {}}\n' + STEP, ":2:", "expected 1 to 64"),
    "2,000 names that are nearly right": (agents(300, 2_000), ":304:", "did you mean `agent_number_0`"),
    "a graph of 3,000": (graph(3_000), ":3:3", "more than 1,000 nodes"),
    "a megabyte and more": ("name: a\n" + "# x\n" * 300_000, "a.flow.yaml", "larger than 1,024 KiB"),
    "the character that ends a path": (include('"a\\0.yaml"'), ":2:11", "U+0000"),
    "an include of itself": (include("a.flow.yaml"), ":2:11", "in a circle"),
    "an include of a link to itself": (include("loop.yaml"), ":2:11", "cannot be read"),
    "an include of a pipe": (include("pipe.yaml"), ":2:11", "this is a pipe"),
    "an include that doubles": (include("i0.yaml, i0.yaml"), "i14.yaml:1:", "more than 200 files"),
    "a device": (include("/dev/zero"), ":2:11", "expected a file that ends in"),
    "names that no file has": (LONG, ":2:13", "no such file"),
    "a tag that runs": ("name: a\ntasks:\n  - !!python/object/apply:os.system [ls]\n", ":3:5", "means nothing here"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_hostile_is_told_at_once(tmp_path: Path, name: str) -> None:
    text, place, what = FILES[name]
    (tmp_path / "a.flow.yaml").write_text(text)
    os.symlink("loop.yaml", tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    for number in range(15):
        (tmp_path / f"i{number}.yaml").write_text(f"include: [i{number + 1}.yaml, i{number + 1}.yaml]\n")
    (tmp_path / "i15.yaml").write_text(STEP)
    began = perf_counter()
    with pytest.raises(InvalidFile) as caught:
        load_flow(tmp_path / "a.flow.yaml", environment={})
    assert perf_counter() - began < SECONDS
    said = str(caught.value)
    assert place in said and what in said
    assert len(said) < 50_000
