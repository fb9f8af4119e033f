"""What files say is what the plan holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from perdure.base.errors import ConfigError, InvalidFile, MissingVariable, NotSupported
from perdure.flows.language.loader import is_flow, load_flow, load_flow_document
from perdure.flows.plan import Agent, Approval, Await, Condition, Loop, Parallel, Plan, Race, Retry, Sleep, Step, Switch
from perdure.flows.spec import FlowSpec, resolve_tools

Load = Callable[..., FlowSpec]
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.flow.yaml"))
WHO = "agents: {a: {model: demo/planner}, b: {model: demo/planner}}\n"


def paths(plan: Plan) -> list[str]:
    return [step.path for step in plan.walk()]


def first(spec: FlowSpec) -> Step:
    return spec.plan.steps[0]


def test_short_forms(load: Load) -> None:
    short = load(WHO + "inputs: {n: list of text}\ntasks: [a, {for_each: '${n}', do: [b]}, {wait: 10s}, {wait: 1.5}]\n")
    long = load(
        WHO
        + """
inputs:
  n: {type: list, items: text}
tasks:
  - {agent: a, input: "${n}"}
  - loop: {for_each: "${n}", as: item, concurrency: 1, do: [{agent: b, input: "${item}"}]}
  - wait: {for: 10s}
  - wait: {for: 1500ms}
"""
    )
    assert short.plan.steps == long.plan.steps
    assert paths(short.plan) == ["agent", "loop", "loop/agent", "wait", "wait#2"]


def test_a_path_is_made_of_ids_and_kinds(load: Load) -> None:
    spec = load(
        WHO
        + """
tasks:
  - a
  - a
  - id: both
    parallel: {left: a, right: [a, b]}
    finally: [b]
    compensate: [a]
    on_error: [{if: "${error.retryable}", then: [a], else: [b]}]
  - switch: ${both.left}
    cases: {x: [a], "y, z": [b]}
    default: [{fail: no}]
"""
    )
    assert paths(spec.plan) == [
        "agent",
        "agent#2",
        "both",
        "both/left",
        "both/right",
        "both/right/agent",
        "both/right/agent#2",
        "both/on_error/condition",
        "both/on_error/condition/then/agent",
        "both/on_error/condition/else/agent",
        "both/compensate/agent",
        "both/finally/agent",
        "switch",
        "switch/case/agent",
        "switch/case#2/agent",
        "switch/default/fail",
    ]
    assert len(set(paths(spec.plan))) == len(paths(spec.plan))
    assert spec.lines["both/left"] == 7


def test_what_stands_around_a_step(load: Load) -> None:
    step = first(
        load(
            WHO
            + """
tasks:
  - agent: a
    input: Hello
    if: ${1 < 2}
    env: {REGION: EU}
    timeout: 2m
    retry: {attempts: 3, backoff: 2s, factor: 3, most: 1m, on: [model, tool.timeout]}
    on_error: ignore
"""
        )
    )
    assert step.timeout_ms == 120_000
    assert step.retry == Retry(3, 2_000, 3.0, 60_000, ("model", "tool.timeout"))
    assert step.on_error == ()
    assert step.when is not None
    assert [name for name, _ in step.env] == ["REGION"]


def test_waits(load: Load) -> None:
    spec = load(
        """
inputs: {at: text, order: text}
tasks:
  - wait: ${at}
  - wait: {until: "2026-05-01T09:00:00Z"}
  - {id: paid, wait: {event: orders.paid, match: "${event.order == order}", timeout: 1d}}
  - {id: ok, wait: {approval: "Ship ${order}?", options: [ship, hold], timeout: 1h, default: hold}}
  - if: ${ok == 'ship' and paid != null}
    then: [{emit: orders.shipped}]
"""
    )
    sleep, moment, event, approval, _ = spec.plan.steps
    assert isinstance(sleep, Sleep) and sleep.span is not None
    assert isinstance(moment, Sleep) and moment.until is not None
    assert isinstance(event, Await) and event.patience_ms == 86_400_000
    assert isinstance(approval, Approval) and approval.options == ("ship", "hold")


def test_how_branches_may_fail(load: Load) -> None:
    spec = load(
        WHO
        + """
tasks:
  - parallel: [a, b]
  - {parallel: [a, b], on_failure: collect}
  - {parallel: {x: a, y: b}, need: 2, within: 5s, max: 1}
  - {race: [a, b, a], first: 2}
"""
    )
    stop, collect, need, race = spec.plan.steps
    assert isinstance(stop, Parallel) and isinstance(collect, Parallel) and isinstance(need, Parallel)
    assert (stop.need, collect.need, need.need) == (None, 1, 2)
    assert (need.within_ms, need.at_once, need.keyed, stop.keyed) == (5_000, 1, True, False)
    assert isinstance(race, Race) and race.first == 2


def test_loops(load: Load) -> None:
    spec = load(
        WHO
        + """
inputs: {files: list}
tasks:
  - {set: {n: 0}}
  - while: ${n < 3}
    limit: 10
    do: [{set: {n: "${n + 1}"}}]
  - until: ${good == 'yes'}
    limit: 5
    do: [{id: good, agent: a, input: "${n}"}]
  - map: ${files}
    as: file
    do: [{agent: a, input: "${index}: ${file}"}]
    reduce: [{agent: b, input: "${results | join}"}]
"""
    )
    _, while_, until, map_ = spec.plan.steps
    assert isinstance(while_, Loop) and (while_.mode, while_.limit) == ("while", 10)
    assert isinstance(until, Loop) and (until.mode, until.limit) == ("until", 5)
    assert isinstance(map_, Loop) and (map_.item, map_.concurrency, map_.reduce[0].path) == (
        "file",
        8,
        "loop#3/reduce/agent",
    )


def test_cases_have_the_type_of_the_value(load: Load) -> None:
    spec = load(
        """
inputs: {n: integer, b: boolean}
tasks:
  - {switch: "${n}", cases: {1: [{wait: 1s}], "2, 3": [{wait: 1s}]}}
  - {switch: "${b}", cases: {true: [{wait: 1s}]}}
"""
    )
    numbers, truth = spec.plan.steps
    assert isinstance(numbers, Switch) and isinstance(truth, Switch)
    assert [case.when.value for case in (*numbers.cases, *truth.cases)] == [[1], [2, 3], [True]]  # type: ignore[union-attr]


def test_what_ran_in_a_choice_may_be_null_afterwards(load: Load) -> None:
    text = (
        WHO
        + "inputs: {n: integer}\ntasks:\n  - {if: '${n > 1}', then: [{id: x, set: {k: 1}}]}\noutputs: {k: '${x.k}'}\n"
    )
    assert str(load(text).plan.outputs[0].type) == "integer or null"


# -- several files ----------------------------------------------------------------------------------------------------


def test_presets_then_includes_then_the_file_itself(load: Load) -> None:
    spec = load(
        "presets: [team]\ninclude: [shared.yaml]\nmodel: demo/planner\nagents: {c: {instructions: mine}}\ntasks: [c]\n",
        {
            "templates/team.flow.yaml": "agents: {a: {model: demo/planner}, b: {model: demo/planner}}\n",
            "shared.yaml": "agents: {a: {model: demo/planner, instructions: shared}}\nenv: {X: '1'}\ntasks: [a, b]\n",
        },
    )
    assert spec.agents["a"].instructions == "shared"
    assert [step.agent for step in spec.plan.steps if isinstance(step, Agent)] == ["a", "b", "c"]
    assert [name for name, _ in spec.plan.env] == ["X"]


@pytest.mark.parametrize("team", ["dev_team", "docs_team", "website_team"])
def test_teams_that_come_with_perdure(load: Load, team: str) -> None:
    spec = load(f"presets: [{team}]\ntasks: [{{wait: 1s}}]\n", {"perdure.toml": '[defaults]\nmodel = "demo/planner"\n'})
    assert len(spec.agents) >= 3
    assert all("{{" not in agent.instructions for agent in spec.agents.values())


def test_a_role_and_its_words(load: Load) -> None:
    spec = load(
        """
vars: {firm: Acme, mood: calm}
agents:
  one: {model: demo/planner, role: clerk}
  two: {model: demo/planner, role: clerk, vars: {mood: loud}, instructions: "For {{firm}}, {{mood}}."}
  three: {file: agents/expert.yaml, vars: {field: law}}
tasks: [one, two, three]
""",
        {
            "templates/roles/clerk.yaml": "prompt: You work for {{firm}}, {{personality}}.\npersonality: kind\n",
            "agents/expert.yaml": "name: expert\nmodel: demo/planner\ninstructions: You know {{field}}. {{input}}\n",
        },
    )
    assert spec.agents["one"].instructions == "You work for Acme, kind."
    assert spec.agents["two"].instructions == "For Acme, loud."
    assert spec.agents["three"].instructions == "You know law. {{input}}"
    assert spec.agents["three"].folder.endswith("agents")


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ("{a: {model: demo/planner, role: clrek}}", "there is no role `clrek`"),
        (
            "{a: {model: demo/planner, instructions: 'Hi {{naem}}', vars: {name: x}}}",
            "stands for nothing; did you mean `name`?",
        ),
        ("{a: nowhere.yaml}", "no such file"),
        ("{a: {model: demo/planner, toolz: []}}", "toolz: unknown key; did you mean `tools`?"),
        ("{a: {file: x.yaml, model: demo/planner}}", "beside `file` only `vars` can stand"),
        ("{a: {model: nobody/x}}", "expected a known provider"),
        ("{a: 3}", "expected a file, or a mapping"),
        ("{a: {instructions: x}}", "this key is required where there is no `class`"),
    ],
)
def test_an_agent_that_is_wrong_is_told_where_it_stands(load: Load, agents: str, said: str) -> None:
    with pytest.raises(InvalidFile, match=r"one\.flow\.yaml:1:") as caught:
        load(f"agents: {agents}\ntasks: [a]\n")
    assert said in caught.value.message
    assert len(caught.value.problems) == 1


def test_a_missing_variable_of_an_agent(load: Load) -> None:
    text = "agents: {a: {model: {provider: openai, name: x, base_url: '${PLACE}'}}}\ntasks: [a]\n"
    with pytest.raises(MissingVariable, match="PLACE is not set"):
        load(text)
    assert load(text, PLACE="http://127.0.0.1:1").agents["a"]


def test_settings_of_the_process_are_named(load: Load) -> None:
    text = "env: {A: x}\ntasks: [{set: {k: \"${env.A} ${env.HOST} ${env.PORT ?? '80'}\"}}]\n"
    assert load(text, HOST="h").plan.environment == ("HOST", "PORT")


# -- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_flow_and_its_document_are_the_same(example: Path) -> None:
    spec = load_flow(example, environment={})
    stored = load_flow_document(spec.document, environment={})
    assert msgspec.structs.replace(spec, file="", lines={}) == stored


def test_a_document_needs_no_files(load: Load, tmp_path: Path) -> None:
    spec = load(
        "agents: {a: a.yaml}\ntools: ['./t.py:f']\ntasks: [a, {tool: f}, {flow: inner.flow.yaml, with: {n: 1}}]\n",
        {
            "a.yaml": "name: a\nmodel: demo/planner\n",
            "t.py": "from perdure import tool\n\n\n@tool(effect='read')\ndef f() -> int:\n    '''F.'''\n    return 1\n",
            "inner.flow.yaml": "inputs: {n: integer}\ntasks: [{set: {m: '${n + 1}'}}]\noutputs: {m: '${m}'}\n",
        },
    )
    for file in tmp_path.glob("*"):
        file.unlink()
    stored = load_flow_document(spec.document, environment={})
    assert stored.plan == spec.plan
    assert stored.flows["inner.flow.yaml"].plan.outputs[0].name == "m"
    assert stored.agents["a"] == spec.agents["a"]


def test_tools_are_found_by_what_steps_call_them(load: Load, tmp_path: Path) -> None:
    code = "from perdure import tool\n\n\n@tool(effect='read')\ndef f(n: int) -> int:\n    '''F.'''\n    return n\n"
    spec = load(
        "tools: [calculator]\ntasks: [{tool: './t.py:f', with: {n: 1}}, {tool: calculator, with: {expression: '1'}}]\n",
        {"t.py": code, "perdure.toml": ""},
    )
    tools = resolve_tools(spec, root=tmp_path)
    assert {"calculator", "f", "./t.py:f"} == set(tools)


@pytest.mark.parametrize("document", [b"", b"{}", b'{"kind":"flow"}', b"[1]"])
def test_a_document_that_is_none(document: bytes) -> None:
    with pytest.raises(ConfigError, match="not the document of a flow"):
        load_flow_document(document, environment={})


def test_a_document_of_a_later_version() -> None:
    with pytest.raises(NotSupported, match="flow, version 2"):
        load_flow_document(b'{"kind":"flow","version":2,"folder":".","spec":{}}', environment={})


def test_a_flow_is_known_by_its_name() -> None:
    assert is_flow("a/b.flow.yaml") and is_flow(Path("b.flow.toml"))
    assert not is_flow("flow.yaml") and not is_flow("a.yaml")


def test_toml(load: Load) -> None:
    text = 'name = "t"\n[agents.a]\nmodel = "demo/planner"\n[[tasks]]\nagent = "a"\ninput = "Hello ${run.id}"\n'
    assert paths(load(text, name="t.flow.toml").plan) == ["agent"]
    with pytest.raises(InvalidFile, match=r"t.flow.toml:6:18: tasks\[0\].input: unknown name `rnu`"):
        load(text.replace("run.id", "rnu.id"), name="t.flow.toml")


def test_conditions_of_a_choice(load: Load) -> None:
    spec = load(
        """
inputs: {n: integer}
tasks:
  - condition: {if: "${n > 1}", then: [{wait: 1s}], elif: {if: "${n < 0}", then: [{wait: 2s}]}}
"""
    )
    step = first(spec)
    assert isinstance(step, Condition) and len(step.cases) == 2
    assert [s.path for case in step.cases for s in case.steps] == ["condition/then/wait", "condition/elif/wait"]
