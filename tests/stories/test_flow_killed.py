"""A flow that is killed a hundred times still ends, with each side effect once."""

from __future__ import annotations

import random
from typing import Any

KILLS = 100
FLOW = """
name: killed
inputs: {n: integer}
tools: ["./tools.py:look", "./tools.py:charge", "./tools.py:ship", "./tools.py:mail"]
agents:
  clerk:
    model: demo/planner
    tools: ["./tools.py:charge"]
    instructions: |
      1. call charge {"what": "{{input}}"}
      2. say {{1}}
tasks:
  - {id: first, tool: mail, with: {what: first}, compensate: [{tool: mail, with: {what: never}}]}
  - id: beside
    parallel:
      a: [{tool: charge, with: {what: a}}, {tool: ship, with: {what: a}}, {tool: mail, with: {what: a}}]
      b: {agent: clerk, input: "b"}
      c: {wait: 20ms}
      d: {tool: look, with: {what: d}, retry: 3}
  - id: items
    for_each: ${range(12)}
    do:
      - {tool: charge, with: {what: "item ${item}"}}
      - {tool: ship, with: {what: "item ${item}"}}
      - {tool: mail, with: {what: "item ${item}"}}
  - {id: won, race: [{wait: 1h}, {do: [{tool: ship, with: {what: race}}, {set: {winner: second}}]}]}
  - id: many
    for_each: ${range(10)}
    concurrency: 4
    do: [{tool: charge, with: {what: "item ${item}"}}, {tool: ship, with: {what: "item ${item}"}}]
outputs: {n: "${n}", items: "${length(items)}", many: "${many}", winner: "${winner}"}
"""
ONCE = {"idempotent": 1 + 1 + 12 + 10, "checkable": 1 + 12 + 1 + 10, "once": 1 + 1 + 12}
"""Side effects of one run, by the class of the tool."""


def test_a_flow_killed_a_hundred_times_does_everything_once(project: Any, outside: Any, flows_killed: Any) -> None:
    (project / "killed.flow.yaml").write_text(FLOW)
    chance = random.Random(11)
    results = flows_killed(KILLS, lambda: chance.random() ** 2 * 0.25)
    runs = len(results)
    assert [result[2] for result in results] == [
        {"n": n, "items": 12, "many": ["checkable done"] * 10, "winner": "second"} for n in range(1, runs + 1)
    ]
    for effect, count in ONCE.items():
        happened = outside.happened(effect)
        assert set(happened.values()) == {1}, effect
        assert len(happened) == count * runs, effect
    assert outside.report()["overlaps"] == []
