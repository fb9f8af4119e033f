from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from perdure.agents.config.loader import agent_from
from perdure.agents.schema import DIALECT, KINDS, file_schema
from perdure.base.errors import ConfigError, InputError, MissingVariable

AGENT = Draft202012Validator(file_schema("agent"))
GOOD: dict[str, Any] = {"name": "a", "model": "demo/planner"}
EXAMPLES = [
    GOOD,
    GOOD | {"budget": {"per_run": "$0.10", "per_day": 5}, "limits": {"timeout": "1h30m", "concurrency": False}},
    GOOD | {"limits": {"steps": "${STEPS}", "timeout": "${T:-2m}"}, "strategy": "${S:-react}"},
    {"name": "a", "class": "./counter.py:Counter", "metadata": {"a": "b"}},
    GOOD | {"tools": ["calculator", {"http": {"allow": []}}], "on": [{"topic": "a.>"}, {"every": "15m"}]},
    GOOD | {"model": {"provider": "openai", "name": "m", "price": {"input": 1, "output": 2}, "fallback": ["a/b"]}},
    GOOD | {"output": {"type": "object"}, "stop": ["x"], "inbox": {"policy": "dead_letter"}},
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema(kind: str) -> None:
    schema = file_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (DIALECT, f"urn:perdure:schema:{kind}")
    assert json.loads(json.dumps(schema)) == schema
    for name, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False, name
        assert definition["description"], name


def test_every_field_of_an_agent_is_described_for_editors() -> None:
    definitions = file_schema("agent")["$defs"]
    for name, field in definitions["AgentFile"]["properties"].items():
        assert field.get("description") or definitions[field["$ref"].rpartition("/")[2]]["description"], name


def test_no_schema_of_anything_else() -> None:
    with pytest.raises(InputError, match="no schema of 'flow'"):
        file_schema("flow")


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_are_accepted(example: dict[str, Any]) -> None:
    assert list(AGENT.iter_errors(example)) == []


def test_a_project_is_accepted() -> None:
    text = """
    project: {name: p}
    providers: {openai: {api_key: "${KEY}"}}
    prices: {openai/m: {input: 1, output: "${P}"}}
    server: {port: "${PORT:-80}"}
    lifecycle: {shutdown: {grace_period: 10s}}
    budget: {per_day: $5}
    defaults: {model: demo/planner, limits: {steps: 3}}
    """
    assert list(Draft202012Validator(file_schema("project")).iter_errors(yaml.safe_load(text))) == []


PLAIN = [None, True, 0, 1, -1, 21, 0.5, "", "a", "a b", "demo/planner", "$1", "2m", "soon", "1.0.0", "react"]
LISTS = [[], ["a"], [1], [{}], [{"topic": "x"}], [{"topics": "x"}]]
MAPPINGS = [{}, {"steps": 0}, {"steps": 3}, {"per_run": "$1"}, {"per_run": "x"}, {"keep": 1}, {"a": "b"}, {"a": 1}]
VALUES = st.sampled_from([*PLAIN, *LISTS, *MAPPINGS])


@given(st.dictionaries(st.sampled_from([*KINDS["agent"].__struct_encode_fields__, "nope"]), VALUES, max_size=3))
def test_what_the_schema_accepts_the_loader_reads_or_has_a_rule_against(fields: dict[str, Any]) -> None:
    tree = GOOD | fields
    fits = AGENT.is_valid(tree)
    try:
        agent_from(tree, environment={})
    except MissingVariable:
        raise
    except ConfigError as error:
        ruled = (
            "expected provider/name",
            "class",
            "expected a tool's name",
            "one name with its options",
            "exactly one",
            "output",
        )
        assert not fits or any(rule in str(error) for rule in ruled), str(error)
    else:
        nothing = any(value is None for value in tree.values())
        assert fits or nothing
