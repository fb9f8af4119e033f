"""One form: what a file means stays, and comments stay where they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.agents.config.reader import read_text
from perdure.base.errors import InputError, InvalidFile
from perdure.flows.formatting import formatted

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.flow.yaml"))
MESSY = """\
# About this file
name:   messy

agents:
    w: {model: demo/planner}   # who
# what is done
tasks:
- input: "About ${topic}"
  retry: 2
  agent: w
  id: one
- # why
  do:
  - agent: w
    # because
    input: x
  id: two
- if: ${one == 'x'}
  then:
  - w
  # otherwise
  else:
  - timeout: 3s
    agent: w
    with: |
      # not a comment
        but text
"""
NEAT = """\
# About this file
name: messy

agents:
  w: {model: demo/planner}     # who
# what is done
tasks:
  - id: one
    agent: w
    input: "About ${topic}"
    retry: 2
  # why
  - do:
      - agent: w
        # because
        input: x
    id: two
  - if: ${one == 'x'}
    then:
      - w
    # otherwise
    else:
      - agent: w
        timeout: 3s
        with: |
          # not a comment
            but text
"""


def test_the_common_form() -> None:
    assert formatted(MESSY, "x.flow.yaml") == NEAT


@pytest.mark.parametrize("text", [NEAT, *(path.read_text() for path in EXAMPLES)])
def test_what_has_the_common_form_keeps_it(text: str) -> None:
    assert formatted(text, "x.flow.yaml") == text


def test_what_is_no_flow() -> None:
    with pytest.raises(InvalidFile):
        formatted("a: [", "x.flow.yaml")
    with pytest.raises(InvalidFile):
        formatted("a: 1\na: 2\n", "x.flow.yaml")
    with pytest.raises(InputError, match="only YAML"):
        formatted("a = 1\n", "x.flow.toml")
    assert formatted("just text\n", "x.flow.yaml") == "just text\n"


values = st.recursive(
    st.sampled_from(
        ["x", "yes", "010", "1e3", "'q'", '"a: b"', "~", "null", "1.50", "2026-01-01", "${a}", "0o7", "- "]
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=2).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=3,
)


@given(
    st.dictionaries(st.sampled_from(["agent", "id", "if", "with", "do", "input", "then", "set"]), values, min_size=1)
)
@settings(max_examples=80, deadline=None)
def test_whatever_is_in_a_step_means_the_same_afterwards(step: dict[str, str]) -> None:
    text = "tasks:\n-   # here\n" + "".join(f"    {key}: {value}  # {key}\n" for key, value in step.items())
    try:
        before = read_text(text, "x", "yaml")
    except InvalidFile:
        return
    if before.problems:
        return
    after = formatted(text, "x.flow.yaml")
    assert read_text(after, "x", "yaml").value == before.value
    assert after.count("#") == text.count("#")
    assert formatted(after, "x.flow.yaml") == after
