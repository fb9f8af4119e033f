"""What a flow costs at least and at most, from its plan alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure.flows.bounds import Bounds, bounds_of
from perdure.flows.spec import FlowSpec

Load = Callable[..., FlowSpec]
HEAD = "name: x\nagents: {a: {model: demo/planner}, b: {model: demo/planner}}\ninputs: {n: integer, l: list}\n"
COSTS = {"a": Bounds(1, 10, 1), "b": Bounds(2, 100, 1)}


@pytest.mark.parametrize(
    ("tasks", "least", "most", "runs"),
    [
        ("[a, b]", 3, 110, 2),
        ("[{wait: 1s}]", 0, 0, 0),
        ("[{parallel: [a, b]}]", 3, 110, 2),
        ("[{parallel: [a, b], need: 1}]", 1, 110, 2),
        ("[{race: [a, b]}]", 1, 110, 2),
        ("[{if: '${n > 1}', then: [a], else: [b]}]", 1, 100, 1),
        ("[{if: '${n > 1}', then: [a]}]", 0, 10, 1),
        ("[{switch: '${n}', cases: {1: [a], 2: [a, b]}, default: [b]}]", 1, 110, 2),
        ("[{agent: a, if: '${n > 1}'}]", 0, 10, 1),
        ("[{agent: a, retry: 3}]", 1, 30, 3),
        ("[{agent: a, on_error: [b]}]", 0, 110, 2),
        ("[{agent: a, on_error: ignore}]", 0, 10, 1),
        ("[{agent: a, compensate: [b]}]", 1, 110, 2),
        ("[{agent: a, finally: [b]}]", 3, 110, 2),
        ("[{for_each: [1, 2, 3], do: [a]}]", 3, 30, 3),
        ("[{for_each: '${l}', do: [a], limit: 5}]", 0, 50, 5),
        ("[{for_each: '${l}', do: [a]}]", 0, None, None),
        ("[{for_each: '${l}', do: [{wait: 1s}]}]", 0, 0, 0),
        ("[{while: '${n > 1}', do: [a], limit: 5}]", 0, 50, 5),
        ("[{until: '${n > 1}', do: [a], limit: 5}]", 1, 50, 5),
        ("[{map: [1, 2], do: [a], reduce: [b]}]", 4, 120, 3),
        ("[{do: [a, {do: [b]}], retry: 2}]", 3, 220, 4),
        ("[{request: {topic: t, within: 1s}, retry: 2}, {barrier: {name: m, parties: 2, within: 1s}}]", 0, 0, 0),
    ],
)
def test_least_and_most(load: Load, tasks: str, least: int, most: int | None, runs: int | None) -> None:
    assert bounds_of(load(f"{HEAD}tasks: {tasks}\n").plan, COSTS, {}) == Bounds(least, most, runs)


def test_what_is_not_known_stays_unknown(load: Load) -> None:
    plan = load(f"{HEAD}tasks: [a, b]\n").plan
    assert bounds_of(plan, {"a": Bounds(1, None, 1), "b": Bounds(2, 100, 1)}, {}) == Bounds(3, None, 2)


def test_flows_within_a_flow_count(load: Load) -> None:
    spec = load(f"{HEAD}tasks: [{{flow: in.flow.yaml}}, a]\n", {"in.flow.yaml": "tasks: [{wait: 1s}]\n"})
    assert bounds_of(spec.plan, COSTS, {"in.flow.yaml": Bounds(5, 50, 2)}) == Bounds(6, 60, 3)


def test_the_end_of_the_flow_counts(load: Load) -> None:
    plan = load(f"{HEAD}tasks: [a]\non_error: [b]\nfinally: [a]\n").plan
    assert bounds_of(plan, COSTS, {}) == Bounds(2, 120, 3)
