"""Whatever stands in a file, it is a flow, or it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.base.errors import ConfigError
from perdure.flows.bounds import bounds_of
from perdure.flows.drawing.mermaid import mermaid
from perdure.flows.drawing.svg import svg
from perdure.flows.language.grammar import COMMON, FLOW, KINDS, RETRY, WAIT
from perdure.flows.language.loader import load_flow, load_flow_document

WORDS = sorted({*FLOW, *COMMON, *KINDS, *RETRY, *WAIT, *(name for kind in KINDS.values() for name in kind.fields)})
TEXTS = "a|b|x|${x}|${a} ${|${previous.x}|ignore|collect|10s|a -> b|text|calculator||./no.py:f|${1 < 2}|one of: a, b"
SCALARS = st.sampled_from([*TEXTS.split("|"), None, True, False, 0, 1, -1, 3, 1.5])
trees: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "a", "x"]), inner, max_size=4),
    max_leaves=12,
)
steps = st.recursive(
    st.fixed_dictionaries(
        {"agent": st.sampled_from(["a", "b"])}, optional={"id": SCALARS, "input": SCALARS, "if": SCALARS}
    )
    | st.dictionaries(st.sampled_from(WORDS), trees, max_size=4)
    | SCALARS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"parallel": st.lists(inner) | st.dictionaries(st.sampled_from(["p", "q"]), inner)}),
        st.fixed_dictionaries({"if": SCALARS, "then": st.lists(inner)}, optional={"else": st.lists(inner)}),
        st.fixed_dictionaries({"for_each": SCALARS | trees, "do": st.lists(inner)}, optional={"as": SCALARS}),
        st.fixed_dictionaries({"switch": SCALARS, "cases": st.dictionaries(SCALARS.map(str), st.lists(inner))}),
        st.fixed_dictionaries({"do": st.lists(inner), "on_error": st.lists(inner)}, optional={"retry": trees}),
    ),
    max_leaves=6,
)
flows = st.fixed_dictionaries(
    {"agents": st.just({"a": {"model": "demo/planner"}, "b": {"model": "demo/planner"}})},
    optional={
        "tasks": st.lists(steps, max_size=4) | trees,
        "nodes": st.dictionaries(st.sampled_from(["a", "b", "c"]), steps) | trees,
        "edges": st.lists(st.sampled_from(["a -> b", "b -> c", "c -> a"]) | trees) | trees,
        **{key: trees for key in FLOW if key not in ("agents", "tasks", "nodes", "edges", "presets", "include")},
    },
)


def holds(tree: Any, folder: Path) -> None:
    file = folder / "any.flow.yaml"
    file.write_bytes(msgspec.json.encode(tree))
    try:
        spec = load_flow(file, environment={})
    except ConfigError as error:
        assert "any.flow.yaml" in error.message
        return
    assert load_flow_document(spec.document, environment={}).plan == spec.plan
    assert len({step.path for step in spec.plan.walk()}) == sum(1 for _ in spec.plan.walk())
    assert svg(spec.plan) and mermaid(spec.plan)
    assert bounds_of(spec.plan, {}, {}).least == 0


@given(flows)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mapping(tmp_path: Path, tree: Any) -> None:
    holds(tree, tmp_path)


@given(st.lists(st.sampled_from(["a", "b"]) | steps, min_size=1, max_size=3))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_steps(tmp_path: Path, tasks: Any) -> None:
    who = {"a": {"model": "demo/planner"}, "b": {"model": "demo/planner"}}
    holds({"agents": who, "inputs": {"x": "any"}, "tasks": tasks}, tmp_path)


@given(trees)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_agent_and_role(tmp_path: Path, tree: Any) -> None:
    (tmp_path / "r.yaml").write_bytes(msgspec.json.encode({"prompt": "x", "tools": tree, "vars": tree}))
    holds({"agents": {"a": tree}, "tasks": ["a"]}, tmp_path)
    holds({"agents": {"a": {"model": "demo/planner", "role": "r.yaml", "vars": tree}}, "tasks": ["a"]}, tmp_path)
