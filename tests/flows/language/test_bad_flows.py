"""What is wrong with a flow is found before it runs, at its line, and with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from perdure.base.errors import ConfigError
from perdure.flows.language.loader import load_flow

HEAD = """\
name: bad
inputs: {topic: text, count: integer, tags: list of text, mood: "one of: good, bad"}
agents:
  writer: {model: demo/planner}
  judge: {model: demo/planner, output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}}
"""
HEAD_LINES = HEAD.count("\n")


class Bad(NamedTuple):
    """`at` is the line and column below the head."""

    about: str
    text: str
    at: str
    said: str


TOOLS = '''
from perdure import tool


@tool(effect="read")
def lookup_order(order: int) -> str:
    """Look an order up."""
    return f"order {order}"
'''
CHILD = """
inputs: {name: text}
tasks: [{set: {greeting: "Hello ${name}"}}]
outputs: {greeting: "${greeting}"}
"""

BAD = [
    Bad("no steps at all", "", "-4:1", "add `tasks`, a list of steps"),
    Bad(
        "an empty list of tasks",
        """\
tasks: []
""",
        "1:8",
        "there is nothing to do: add `tasks`, a list of steps",
    ),
    Bad(
        "an unknown key of the flow",
        """\
steps:
  - writer
""",
        "1:1",
        "unknown key; write `tasks` instead",
    ),
    Bad(
        "a step that does nothing",
        """\
tasks:
  - id: a
    description: nothing
""",
        "2:5",
        "this step does nothing: it has none of `agent`, `tool`, `flow`, `set`, `wait`, `parallel`,",
    ),
    Bad(
        "a step that does two things",
        """\
tasks:
  - agent: writer
    tool: calculator
""",
        "3:5",
        "a step does one thing; found `agent` and `tool`: make two steps of it",
    ),
    Bad(
        "an unknown key of a step",
        """\
tasks:
  - agent: writer
    inptu: hello
""",
        "3:5",
        "unknown key; did you mean `input`?",
    ),
    Bad(
        "a key of another system",
        """\
tasks:
  - agent: writer
    message: hello
""",
        "3:5",
        "unknown key; write `input` instead",
    ),
    Bad(
        "an unknown agent",
        """\
tasks:
  - agent: writter
""",
        "2:12",
        "there is no agent `writter`; did you mean `writer`?",
    ),
    Bad(
        "an unknown agent in short",
        """\
tasks:
  - wirter
""",
        "2:5",
        "there is no agent `wirter`; did you mean `writer`?",
    ),
    Bad(
        "an unknown tool",
        """\
tools: [calculator]
tasks:
  - tool: calculater
""",
        "3:11",
        "there is no tool `calculater`; did you mean `calculator`?",
    ),
    Bad(
        "a tool that is not there",
        """\
tasks:
  - tool: ./tools.py:lookup_odrer
""",
        "2:11",
        "./tools.py:lookup_odrer: lookup_odrer is not there; did you mean lookup_order?",
    ),
    Bad(
        "a tool's file that is not there",
        """\
tasks:
  - tool: ./toolz.py:lookup_order
""",
        "2:11",
        "toolz.py cannot be read: No such file or directory",
    ),
    Bad(
        "an argument that a tool does not take",
        """\
tasks:
  - tool: ./tools.py:lookup_order
    with: {order: 1, ordr: 2}
""",
        "3:22",
        "the tool takes no `ordr`; did you mean `order`?",
    ),
    Bad(
        "an argument that is missing",
        """\
tasks:
  - tool: ./tools.py:lookup_order
""",
        "2:5",
        "the tool needs `order`: add it to `with`",
    ),
    Bad(
        "an argument of the wrong type",
        """\
tasks:
  - tool: ./tools.py:lookup_order
    with: {order: '${topic}'}
""",
        "3:19",
        "`order` is integer, found text",
    ),
    Bad(
        "an id given twice",
        """\
tasks:
  - {id: a, agent: writer}
  - {id: a, agent: judge}
""",
        "3:10",
        "`a` is taken: line 7 has it already; ids are unique in a flow",
    ),
    Bad(
        "an id that is no name",
        """\
tasks:
  - {id: my-step, agent: writer}
""",
        "2:10",
        "an id is letters, digits and `_`, and no digit first, such as `my_step`",
    ),
    Bad(
        "an id with a meaning of its own",
        """\
tasks:
  - {id: previous, agent: writer}
""",
        "2:10",
        "`previous` has a meaning of its own; choose another name for an id",
    ),
    Bad(
        "a key given twice",
        """\
tasks:
  - agent: writer
    agent: judge
""",
        "3:5",
        "this key was given before, on line 7:5",
    ),
    Bad(
        "an unknown name",
        """\
tasks:
  - agent: writer
    input: Write about ${topik}
""",
        "3:26",
        "unknown name `topik`; did you mean `topic`?",
    ),
    Bad(
        "a result that comes later",
        """\
tasks:
  - agent: writer
    input: ${late}
  - {id: late, agent: judge}
""",
        "3:14",
        "`late` has not run by then: it comes later, or in a branch of its own",
    ),
    Bad(
        "a result of a branch beside it",
        """\
tasks:
  - parallel:
      one: writer
      two: {agent: judge, input: '${one}'}
""",
        "4:37",
        "`one` has not run by then: it comes later, or in a branch of its own",
    ),
    Bad(
        "a result from inside a loop",
        """\
tasks:
  - for_each: ${tags}
    do:
      - {id: part, agent: writer}
  - {agent: judge, input: '${part}'}
""",
        "5:30",
        "`part` has not run by then: it comes later, or in a branch of its own",
    ),
    Bad(
        "an unknown field of an agent's output",
        """\
tasks:
  - {id: verdict, agent: judge}
  - if: ${verdict.okay}
    then: [writer]
""",
        "3:19",
        "there is no field `okay`; did you mean `ok`?",
    ),
    Bad(
        "a field of a text",
        """\
tasks:
  - agent: writer
    input: ${topic.title}
""",
        "3:20",
        "a text has no field `title`",
    ),
    Bad(
        "a bracket that is never closed",
        """\
tasks:
  - agent: writer
    input: ${length(tags}
""",
        "3:20",
        "this bracket is never closed",
    ),
    Bad(
        "an expression that is never closed",
        """\
tasks:
  - agent: writer
    input: About ${topic and more
""",
        "3:18",
        "this `${` is never closed by `}`",
    ),
    Bad(
        "an empty expression",
        """\
tasks:
  - agent: writer
    input: ${}
""",
        "3:14",
        "there is nothing between the braces",
    ),
    Bad(
        "a sign of another language",
        """\
tasks:
  - if: ${count > 1 && count < 3}
    then: [writer]
""",
        "2:21",
        "`&&` has no meaning here; write `and`",
    ),
    Bad(
        "an expression on a line of its own",
        """\
tasks:
  - agent: writer
    input: |
      Write about ${topic}
      and about ${topci}.
""",
        "5:19",
        "unknown name `topci`; did you mean `topic`?",
    ),
    Bad(
        "an unknown filter",
        """\
tasks:
  - agent: writer
    input: ${topic | uper}
""",
        "3:22",
        "unknown function `uper`; did you mean `upper`?",
    ),
    Bad(
        "a filter with too many values",
        """\
tasks:
  - agent: writer
    input: ${topic | upper(1)}
""",
        "3:22",
        "`upper` takes 1 values, the filtered one included; found 2",
    ),
    Bad(
        "a filter for something else",
        """\
tasks:
  - agent: writer
    input: ${count | upper}
""",
        "3:22",
        "`upper` needs a text, found integer",
    ),
    Bad(
        "a sum of text and number",
        """\
tasks:
  - agent: writer
    input: ${'n = ' + count}
""",
        "3:21",
        "`+` needs numbers, found text; put texts together as `a ${b} c`",
    ),
    Bad(
        "a comparison of text with a number",
        """\
tasks:
  - if: ${topic > 3}
    then: [writer]
""",
        "2:17",
        "`>` compares two numbers or two texts, found text and integer",
    ),
    Bad(
        "a comparison that is never true",
        """\
tasks:
  - if: ${topic == 3}
    then: [writer]
""",
        "2:17",
        "a text never equals an integer",
    ),
    Bad(
        "a comparison with a word that there is not",
        """\
tasks:
  - if: ${mood == 'god'}
    then: [writer]
""",
        "2:16",
        "this is never `god`; did you mean `good`?",
    ),
    Bad(
        "a condition that is text",
        """\
tasks:
  - if: ${topic}
    then: [writer]
""",
        "2:9",
        "a condition is true or false, found text; compare it with something",
    ),
    Bad(
        "a condition without braces",
        """\
tasks:
  - if: count > 3
    then: [writer]
""",
        "2:9",
        "a condition is an expression: write `${count > 3}`",
    ),
    Bad(
        "a condition that is never true",
        """\
tasks:
  - if: ${false}
    then: [writer]
""",
        "2:9",
        "this is never true: its steps are never reached",
    ),
    Bad(
        "a step that is always skipped",
        """\
tasks:
  - agent: writer
    if: false
""",
        "3:9",
        "this is never true: the step is never reached",
    ),
    Bad(
        "a step behind one that fails",
        """\
tasks:
  - fail: Enough.
  - agent: writer
""",
        "3:5",
        "this step is never reached: `fail` always fails before it",
    ),
    Bad(
        "a case given twice",
        """\
tasks:
  - switch: ${topic}
    cases:
      a, b: [writer]
      b: [judge]
""",
        "5:7",
        "`b` is decided on line 9: never reached",
    ),
    Bad(
        "a case that never comes",
        """\
tasks:
  - switch: ${mood}
    cases:
      good: [writer]
      bda: [judge]
""",
        "5:7",
        "never reached: the value is never `bda`; did you mean `bad`?",
    ),
    Bad(
        "a loop without a bound",
        """\
tasks:
  - while: ${count > 0}
    do: [writer]
""",
        "2:5",
        "`limit` is required: how often `while` may turn at most, such as `limit: 100`",
    ),
    Bad(
        "a loop until something, without a bound",
        """\
tasks:
  - loop:
      until: ${verdict.ok}
      do:
        - {id: verdict, agent: judge}
""",
        "3:7",
        "`limit` is required: how often `until` may turn at most, such as `limit: 100`",
    ),
    Bad(
        "a loop over something that is no list",
        """\
tasks:
  - for_each: ${topic}
    do: [writer]
""",
        "2:15",
        "`for_each` is a list, found text",
    ),
    Bad(
        "a loop that does nothing",
        """\
tasks:
  - for_each: ${tags}
""",
        "2:5",
        "`do` is required: the steps of each turn",
    ),
    Bad(
        "a name of a loop that is taken",
        """\
tasks:
  - for_each: ${tags}
    as: topic
    do: [writer]
""",
        "3:9",
        "`topic` is taken; choose another name",
    ),
    Bad(
        "a variable that is an input",
        """\
tasks:
  - set: {topic: other}
""",
        "2:11",
        "`topic` is taken: steps, inputs and items of loops keep what they are",
    ),
    Bad(
        "a variable changed side by side",
        """\
tasks:
  - set: {sum: 0}
  - parallel:
      - set: {sum: 1}
      - agent: writer
""",
        "4:15",
        "`sum` belongs outside, and steps that run side by side cannot change it; use their results",
    ),
    Bad(
        "a duration that is none",
        """\
tasks:
  - agent: writer
    timeout: soon
""",
        "3:14",
        "expected a duration such as 500ms, 10s, 2m or 1h30m, found `soon`",
    ),
    Bad(
        "a count that is none",
        """\
tasks:
  - agent: writer
    retry: 0
""",
        "3:12",
        "expected a whole number from 1 to 1,000, found 0",
    ),
    Bad(
        "a retry without attempts",
        """\
tasks:
  - agent: writer
    retry: {backoff: 1s}
""",
        "3:12",
        "`attempts` is required: how often the step is tried in all",
    ),
    Bad(
        "more successes than branches",
        """\
tasks:
  - parallel: [writer, judge]
    need: 3
""",
        "3:11",
        "there are 2 branches; 3 cannot succeed",
    ),
    Bad(
        "a word that is not a choice",
        """\
tasks:
  - parallel: [writer, judge]
    on_failure: colect
""",
        "3:17",
        "expected `stop` or `collect`, found `colect`; did you mean `collect`?",
    ),
    Bad(
        "a race of one",
        """\
tasks:
  - race: [writer]
""",
        "2:11",
        "a race has two branches at least",
    ),
    Bad(
        "a wait for nothing",
        """\
tasks:
  - wait: {timeout: 3d}
""",
        "2:11",
        "a wait has exactly one of `for`, `until`, `event`, `approval`; found none",
    ),
    Bad(
        "a wait for two things",
        """\
tasks:
  - wait: {event: orders.paid, approval: Ship it?}
""",
        "2:11",
        "a wait has exactly one of `for`, `until`, `event`, `approval`; found `event` and `approval`",
    ),
    Bad(
        "an error where there is none",
        """\
tasks:
  - agent: writer
    input: ${error.message}
""",
        "3:14",
        "`error` is only there inside `on_error`",
    ),
    Bad(
        "an unknown field of an error",
        """\
tasks:
  - agent: writer
    on_error:
      - {agent: judge, input: '${error.mesage}'}
""",
        "4:40",
        "there is no field `mesage`; did you mean `message`?",
    ),
    Bad(
        "a setting that is not set",
        """\
tasks:
  - agent: writer
    input: ${env.REGION}
""",
        "3:18",
        "`env.REGION` is not set: add it to `env`, or write `env.REGION ?? '…'`",
    ),
    Bad(
        "a flow that is not there",
        """\
tasks:
  - flow: ./children.flow.yaml
""",
        "2:11",
        "no such file: children.flow.yaml",
    ),
    Bad(
        "an input that a flow does not have",
        """\
tasks:
  - flow: ./child.flow.yaml
    with: {name: x, nmae: y}
""",
        "3:21",
        "the flow has no input `nmae`; did you mean `name`?",
    ),
    Bad(
        "an input that a flow needs",
        """\
tasks:
  - flow: ./child.flow.yaml
""",
        "2:5",
        "the flow needs the input `name`: add it to `with`",
    ),
    Bad(
        "an output that a flow does not have",
        """\
tasks:
  - {id: child, flow: ./child.flow.yaml, with: {name: x}}
  - {agent: writer, input: '${child.greting}'}
""",
        "3:37",
        "there is no field `greting`; did you mean `greeting`?",
    ),
    Bad(
        "a circle of nodes",
        """\
nodes: {a: writer, b: writer, c: judge}
edges:
  - a -> b -> c
  - c -> a
""",
        "4:5",
        "a circle: a → b → c → a; nothing in it could begin. Use a loop (`until`, `while`)",
    ),
    Bad(
        "a node that is not there",
        """\
nodes: {fetch: writer, plan: judge}
edges:
  - fetch -> paln
""",
        "3:5",
        "there is no node `paln`; did you mean `plan`?",
    ),
    Bad(
        "an edge that is none",
        """\
nodes: {fetch: writer, plan: judge}
edges:
  - fetch plan
""",
        "3:5",
        "expected `a -> b`, or `a -> b, c -> d`",
    ),
    Bad(
        "edges without nodes",
        """\
edges: [a -> b]
""",
        "1:1",
        "`edges` need `nodes`: steps by id",
    ),
    Bad(
        "both forms at once",
        """\
tasks: [writer]
nodes: {a: writer}
""",
        "2:1",
        "a flow has `tasks`, or `nodes` and `edges`, and not both",
    ),
    Bad(
        "an output of an unknown name",
        """\
tasks: [{id: text, agent: writer}]
outputs: {result: '${txt}'}
""",
        "2:22",
        "unknown name `txt`; did you mean `text`?",
    ),
    Bad(
        "an output of the wrong type",
        """\
tasks: [{id: text, agent: writer}]
outputs: {result: {value: '${text}', type: number}}
""",
        "2:27",
        "the output `result` is number, found text",
    ),
    Bad(
        "a preset that is not there",
        """\
presets: [dev_taem]
tasks: [writer]
""",
        "1:11",
        "there is no such preset",
    ),
    Bad(
        "an included file that is not there",
        """\
include: [shared.flow.yaml]
tasks: [writer]
""",
        "1:11",
        "shared.flow.yaml: no such file",
    ),
    Bad(
        "a request without an end",
        """\
tasks:
  - request: {topic: prices, with: hi}
""",
        "2:14",
        "`within` is required: how long to wait",
    ),
    Bad(
        "a request that is no mapping",
        """\
tasks:
  - request: prices
""",
        "2:14",
        "expected a mapping, found `prices`",
    ),
    Bad(
        "a key of a request that another system uses",
        """\
tasks:
  - request: {topic: prices, payload: hi, within: 1m}
""",
        "2:30",
        "unknown key; write `with` instead",
    ),
    Bad(
        "a misspelt key of a gathering",
        """\
tasks:
  - gather: {topic: prices, first: 2, within: 1m, partail: true}
""",
        "2:51",
        "unknown key; did you mean `partial`?",
    ),
    Bad(
        "a gathering of no answers",
        """\
tasks:
  - gather: {topic: prices, first: 0, within: 1m}
""",
        "2:36",
        "expected a whole number from 1 to 1,000,000, found 0",
    ),
    Bad(
        "a gathering on a number",
        """\
tasks:
  - gather: {topic: "${count}", first: 1, within: 1m}
""",
        "2:21",
        "a topic is text, or a list of texts, found integer",
    ),
    Bad(
        "a gathering that is partly partial",
        """\
tasks:
  - gather: {topic: "${tags}", first: 1, within: 1m, partial: some}
""",
        "2:63",
        "expected true or false, found `some`",
    ),
    Bad(
        "an answer that has no such field",
        """\
tasks:
  - {id: all, gather: {topic: prices, first: 1, within: 1m}}
  - {set: {x: "${all[0].who}"}}
""",
        "3:25",
        "no field `who`",
    ),
    Bad(
        "a contract for the middle",
        """\
tasks:
  - contract: {topic: jobs, task: paint, best: mean, within: 1m}
""",
        "2:48",
        "expected `max` or `min`, found `mean`",
    ),
    Bad(
        "a score that is text",
        """\
tasks:
  - contract: {topic: jobs, task: paint, score: price, within: 1m}
""",
        "2:49",
        "a score is a number, found text",
    ),
    Bad(
        "a proposal outside of a score",
        """\
tasks:
  - contract: {topic: jobs, task: "${proposal}", within: 1m}
""",
        "2:38",
        "`proposal` is only there inside the `score` of a contract",
    ),
    Bad(
        "a barrier without an end",
        """\
tasks:
  - barrier: {name: release, within: soon, parties: 2}
""",
        "2:38",
        "expected a duration",
    ),
    Bad(
        "a step that is called as a kind of steps",
        """\
tasks:
  - {id: request, agent: writer, input: hi}
""",
        "2:10",
        "`request` has a meaning of its own; choose another name for an id",
    ),
]


def check(text: str, folder: Path) -> str:
    file = folder / "bad.flow.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_flow(file, environment={})
    return caught.value.message.replace(f"{folder}/", "")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.about)
def test_it_is_found_at_its_place(bad: Bad, tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "child.flow.yaml").write_text(CHILD)
    told = check(HEAD + bad.text, tmp_path)
    line, column = map(int, bad.at.split(":"))
    place = f"bad.flow.yaml:{line + HEAD_LINES}:{column}: "
    found = next((one for one in told.splitlines() if one.startswith(place)), "")
    assert bad.said in found, told
    assert len([one for one in told.splitlines() if ".yaml:" in one]) == 1, f"one thing is wrong, told as many: {told}"


def test_flows_that_call_each_other_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "other.flow.yaml").write_text("tasks: [{flow: ./bad.flow.yaml}]\n")
    told = check("tasks: [{flow: ./other.flow.yaml}]\n", tmp_path)
    assert "other.flow.yaml:1:16: tasks[0].flow: these flows call each other in a circle" in told


def test_files_that_include_each_other_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("include: bad.flow.yaml\n")
    told = check("include: other.yaml\ntasks: [{wait: 1s}]\n", tmp_path)
    assert "other.yaml:1:10: include: these files include each other in a circle" in told


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    told = check(
        HEAD + "tasks:\n  - agent: nobody\n    timeout: soon\n    input: ${nothing}\n  - tool: none\n", tmp_path
    )
    assert told.count("bad.flow.yaml:") == 4


def test_a_file_that_is_no_flow(tmp_path: Path) -> None:
    for text in ("", "[]", "just text", "a: [", "tasks: {}", "tasks: 3", "- a: 1", "tasks: [[[]]]", "nodes: []"):
        check(text, tmp_path)
