"""Pictures: everything has its place, and nothing that a file says becomes markup."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perdure.flows.drawing.layout import Card, Frame, Line, Pill, layout
from perdure.flows.drawing.mermaid import mermaid
from perdure.flows.drawing.svg import svg
from perdure.flows.language.loader import load_flow
from perdure.flows.spec import FlowSpec

Load = Callable[..., FlowSpec]
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.flow.yaml"))
EVERYTHING = """
name: all
agents: {a: {model: demo/planner}}
inputs: {n: integer, list: list of text}
tasks:
  - {id: one, agent: a, on_error: [a, a, a], finally: [a], retry: 2, timeout: 3s}
  - {parallel: {x: a, y: [a, a], z: {parallel: [a, a]}}, need: 1, within: 3s, max: 2}
  - {race: [a, a, a], first: 2}
  - if: ${n > 1}
    then: [a]
    elif: [{if: "${n < 0}", then: [{switch: "${n}", cases: {1: [a], 2: []}}]}]
  - {for_each: "${list}", do: [a], concurrency: 3}
  - {while: "${n > 1}", limit: 3, do: [{set: {k: 1}}, {wait: 3s}]}
  - {map: "${list}", do: [a], reduce: [a]}
  - {wait: {approval: "Go <on> & \\"on\\"?"}}
  - {emit: "a.b", if: "${n > 2}"}
  - {request: {topic: "a.b", within: 3s}}
  - {gather: {topic: ["a", "b"], with: 1, first: 2, within: 3s, partial: true}}
  - {id: bids, contract: {topic: a, task: x, score: "${proposal.price}", best: min, within: 3s}}
  - {barrier: {name: "m.${n}", parties: 3, within: 3s}}
  - {broadcast: {with: "<hi>"}}
  - {fail: "</svg><script>alert(1)</script>"}
on_error: [a]
finally: [a]
""".replace(", 2: []", ", 2: [a]")


def test_cards_do_not_overlap_and_lie_within_the_picture(load: Load) -> None:
    box = layout(load(EVERYTHING).plan)
    solid = [item for item in box.items if isinstance(item, Card | Pill)]
    assert len(solid) > 20
    for one, other in combinations(solid, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart, (one, other)
    for item in box.items:
        if isinstance(item, Line):
            assert 0 <= min(item.x1, item.x2) <= max(item.x1, item.x2) <= box.width
            assert 0 <= min(item.y1, item.y2) <= max(item.y1, item.y2) <= box.height
        else:
            assert 0 <= item.x <= item.x + item.width <= box.width
            assert 0 <= item.y <= item.y + item.height <= box.height


def test_frames_hold_one_another_or_lie_apart(load: Load) -> None:
    frames = [item for item in layout(load(EVERYTHING).plan).items if isinstance(item, Frame)]
    for one, other in combinations(frames, 2):
        x = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        y = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        if x > 0 and y > 0:
            assert (round(x), round(y)) in [(round(f.width), round(f.height)) for f in (one, other)]


def test_lines_of_a_block_go_straight_down_its_middle(load: Load) -> None:
    box = layout(load("agents: {a: {model: demo/planner}}\ntasks: [a, a, a]\n").plan)
    assert {line.x1 for line in box.items if isinstance(line, Line)} == {box.axis}
    assert all(line.x1 == line.x2 for line in box.items if isinstance(line, Line))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_can_be_drawn(example: Path) -> None:
    plan = load_flow(example, environment={}).plan
    tree = ElementTree.fromstring(svg(plan))
    said = {element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")}
    drawn = mermaid(plan)
    for step in plan.walk():
        if step.id and not any(step.path.endswith(f"/{part}") for part in ("compensate", "finally")):
            assert any(step.id in str(text) for text in said), step.path
    assert drawn.startswith("flowchart TD\n")


def test_what_a_file_says_is_never_markup(load: Load) -> None:
    plan = load(EVERYTHING).plan
    picture, chart = svg(plan), mermaid(plan)
    assert "<script" not in picture and "<script" not in chart
    ElementTree.fromstring(picture)
    assert "#lt;script#gt;" in chart
    assert '\\"' not in chart


def test_every_line_of_a_chart_is_a_node_or_an_arrow_between_nodes(load: Load) -> None:
    lines = [line.strip() for line in mermaid(load(EVERYTHING).plan).splitlines()[1:]]
    nodes = {
        line.split("(")[0].split("[")[0].split("{")[0] for line in lines if "-->" not in line and "-.->" not in line
    }
    for line in lines:
        if "--> " in line or "-.-> " in line or "-->|" in line or "-.->|" in line:
            assert {line.split()[0], line.split()[-1]} <= nodes, line
