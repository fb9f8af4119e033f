"""Nodes and edges become the steps that somebody would write by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.base.errors import InvalidFile
from perdure.flows.expressions.rewrite import walk
from perdure.flows.expressions.tree import Name
from perdure.flows.plan import Block, Parallel, Sequential, Step
from perdure.flows.spec import FlowSpec

Load = Callable[..., FlowSpec]
HEAD = "name: x\nagents: {a: {model: demo/planner}}\n"


def graph(*edges: str, nodes: str = "") -> str:
    ids = dict.fromkeys(nodes or "".join(c for edge in edges for c in edge if c.isalpha()))
    written = "".join(f"  {id}: {{agent: a, input: hello}}\n" for id in ids)
    return f"{HEAD}nodes:\n{written}edges: [{', '.join(map(repr, edges))}]\n"


def shape(block: Block) -> str:
    """`a (b | c d) e`."""
    return " ".join(_shape(step) for step in block)


def _shape(step: Step) -> str:
    match step:
        case Parallel():
            return f"({' | '.join(_shape(branch) for branch in step.branches)})"
        case Sequential():
            return shape(step.steps)
        case _:
            return step.id


@pytest.mark.parametrize(
    ("edges", "nodes", "steps"),
    [
        (["a -> b -> c"], "", "a b c"),
        (["a -> b, c -> d"], "", "a (b | c) d"),
        (["a -> b", "a -> c", "c -> d", "b -> e", "d -> e"], "", "a (b | c d) e"),
        ([], "abc", "(a | b | c)"),
        (["a -> b", "c -> d"], "", "(a b | c d)"),
        (["a -> b", "a -> c", "b -> c"], "", "a b c"),
        (["c -> b -> a"], "abc", "c b a"),
        (["a, b -> c, d -> e"], "", "(a | b) (c | d) e"),
        (["a -> c", "a -> d", "b -> d"], "abcd", "(a | b) (c | d)"),
        (["a -> b -> d", "a -> c -> d", "e -> f"], "abcdef", "(a (b | c) d | e f)"),
        (["a -> b", "a -> b"], "", "a b"),
    ],
)
def test_the_steps_of_a_graph(load: Load, edges: list[str], nodes: str, steps: str) -> None:
    assert shape(load(graph(*edges, nodes=nodes)).plan.steps) == steps


def test_both_forms_have_the_same_plan(load: Load) -> None:
    nested = """
inputs: {q: text}
tasks:
  - {id: fetch, agent: a, input: "${q}"}
  - parallel:
      - {id: trend, agent: a, input: "${fetch}"}
      - sequential:
          - {id: risk, agent: a, input: "${fetch}"}
          - {id: more, agent: a, input: "${risk}"}
  - {id: plan, agent: a, input: "${trend} ${more}", if: "${more != ''}"}
outputs: {plan: "${plan}"}
"""
    as_graph = """
inputs: {q: text}
edges:
  - fetch -> trend, risk
  - {from: [trend, more], to: plan}
  - risk -> more
nodes:
  fetch: {agent: a, input: "${q}"}
  trend: {agent: a, input: "${fetch}"}
  risk: {agent: a, input: "${fetch}"}
  more: {agent: a, input: "${risk}"}
  plan: {agent: a, input: "${trend} ${more}", if: "${more != ''}"}
outputs: {plan: "${plan}"}
"""
    assert load(HEAD + as_graph).plan == load(HEAD + nested).plan


def test_a_node_runs_where_a_way_to_it_was_taken(load: Load) -> None:
    text = """
inputs: {n: integer}
nodes: {a: a, big: a, small: a, both: a, after: a}
edges:
  - {from: a, to: big, if: "${n > 10}"}
  - {from: a, to: small, if: "${n <= 10}"}
  - big, small -> both
  - a -> after
"""
    spec = load(HEAD + text)
    when = {step.id: step.when for step in spec.plan.walk() if step.id}
    assert when["a"] is None and when["after"] is None
    assert when["big"] is not None and when["small"] is not None
    guard = when["both"]
    assert guard is not None
    assert {name.name for name in walk(guard) if isinstance(name, Name)} == {"done"}


EDGES = st.integers(2, 9).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
)


@given(EDGES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_runs_before_what_it_waits_for(load: Load, drawn: tuple[int, set[tuple[int, int]]]) -> None:
    count, pairs = drawn
    ids = "abcdefghi"[:count]
    edges = [(ids[x], ids[y]) for x, y in sorted(pairs) if x < y]
    spec = load(graph(*(f"{x} -> {y}" for x, y in edges), nodes=ids))
    begin, end = _times(spec.plan.steps)
    assert set(begin) == set(ids)
    for source, target in edges:
        assert end[source] <= begin[target]


def _times(block: Block, at: int = 0) -> tuple[dict[str, int], dict[str, int]]:
    """When each step begins and ends, where all take one unit."""
    begin: dict[str, int] = {}
    end: dict[str, int] = {}
    for step in block:
        inner = step.branches if isinstance(step, Parallel) else ()
        if isinstance(step, Sequential):
            inner_begin, inner_end = _times(step.steps, at)
            begin |= inner_begin
            end |= inner_end
        elif inner:
            for branch in inner:
                inner_begin, inner_end = _times((branch,), at)
                begin |= inner_begin
                end |= inner_end
        else:
            begin[step.id], end[step.id] = at, at + 1
        at = max(end.values())
    return begin, end


def test_large_graphs_are_ordered_quickly_and_larger_ones_refused(load: Load) -> None:
    chain = [f"n{i} -> n{i + 1}" for i in range(400)]
    nodes = "".join(f"  n{i}: {{wait: 1s}}\n" for i in range(401))
    assert len(load(f"nodes:\n{nodes}edges: {chain}\n").plan.steps) == 401
    nodes = "".join(f"  n{i}: {{wait: 1s}}\n" for i in range(1_001))
    with pytest.raises(InvalidFile, match="more than 1,000 nodes"):
        load(f"nodes:\n{nodes}")


def test_branches_within_branches_within_branches(load: Load) -> None:
    comb = [f"n{i} -> n{i + 1}, x{i}" for i in range(300)]
    nodes = "".join(f"  {id}{i}: {{wait: 1s}}\n" for i in range(301) for id in "nx")
    steps = list(load(f"nodes:\n{nodes}edges: {chain_of(comb)}\n").plan.walk())
    assert sum(step.id != "" for step in steps) == 602


def chain_of(edges: list[str]) -> str:
    return f"[{', '.join(map(repr, edges))}]"


def test_paths_do_not_depend_on_the_order_of_edges(load: Load) -> None:
    one = load(graph("a -> b", "a -> c", "b -> d", "c -> d"))
    other = load(graph("c -> d", "b -> d", "a -> c", "a -> b", nodes="abcd"))
    assert one.plan == other.plan
