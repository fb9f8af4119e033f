from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.config.build import build, nowhere
from perdure.agents.config.loader import agent_from, kind_of, load, load_agent, load_document, load_project
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentFile, AgentSpec, spec_digest, spec_document
from perdure.base.errors import ConfigError, InputError, InvalidFile, MissingVariable, NotSupported
from perdure.compute.spec import ModelSpec, Price

SUPPORT = """\
name: support
version: 1.2.0
description: Answers order questions
model:
  provider: compatible
  name: m
  base_url: "http://127.0.0.1:8000/v1"
  api_key: ${KEY}
  price: {input: 0, output: 1.5}
  temperature: 0
  fallback: [anthropic/claude-sonnet-4-5]
instructions: |
  You help ${CUSTOMERS:-customers} with their orders.
tools:
  - calculator
  - http: {allow: [api.example.com]}
  - ./tools.py:lookup_order
approve: [http]
budget: {per_run: $0.10, per_day: 5}
limits: {steps: "${STEPS}", timeout: 2m, concurrency: false}
output: {type: object, properties: {order: {type: string}}}
on:
  - topic: orders.failed.*
  - schedule: "0 9 * * mon"
  - every: 1h30m
while_waiting: cancel
metadata: {team: sales}
"""
ENVIRONMENT = {"KEY": "hunter2", "STEPS": "7"}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_an_agent_is_loaded_with_all_that_its_file_says(tmp_path: Path) -> None:
    written(tmp_path, {"perdure.toml": "", "agents/support.yaml": SUPPORT})
    spec = load_agent(tmp_path / "agents/support.yaml", environment=ENVIRONMENT)
    assert isinstance(spec.model, ModelSpec)
    assert (spec.model.full_name, spec.model.api_key, spec.model.price) == ("compatible/m", "hunter2", Price(0, 1.5))
    assert spec.instructions == "You help customers with their orders.\n"
    assert spec.tools == ("calculator", {"http": {"allow": ["api.example.com"]}}, "./tools.py:lookup_order")
    assert (spec.budget.per_run, spec.budget.per_day) == (100_000, 5_000_000)
    assert (spec.limits.steps, spec.limits.timeout, spec.limits.calls_at_once) == (7, 120_000, 1)
    assert [trigger.every for trigger in spec.on] == [None, None, 5_400_000]
    assert (spec.approve, spec.while_waiting, spec.folder) == (("http",), "cancel", "agents")


def test_defaults_are_the_documented_ones() -> None:
    spec = agent_from({"name": "a", "model": "demo/planner"}, environment={})
    assert (spec.limits.steps, spec.limits.calls_at_once, spec.output_retries) == (20, 8, 2)
    assert (spec.inbox.capacity, spec.inbox.policy, spec.context.policy) == (1024, "reject_new", "drop_oldest")
    assert (spec.strategy, spec.while_waiting, spec.budget.warn_at) == ("tools", "queue", 0.8)
    assert (
        agent_from({"name": "a", "class": "./c.py:C", "limits": {"concurrency": 3}}, environment={}).handler
        == "./c.py:C"
    )


def test_a_document_holds_no_secret_and_gives_an_equal_spec(tmp_path: Path) -> None:
    spec = load_agent(written(tmp_path, {"a.yaml": SUPPORT}) / "a.yaml", environment=ENVIRONMENT)
    document = spec_document(spec)
    assert b"hunter2" not in document and b'"api_key":"${KEY}"' in document
    assert "hunter2" not in repr(spec)
    assert load_document(document, environment=ENVIRONMENT) == spec
    turned = load_document(document, environment=ENVIRONMENT | {"KEY": "new"})
    assert isinstance(turned.model, ModelSpec) and turned.model.api_key == "new"
    assert spec_digest(turned) == spec_digest(spec)


def test_a_document_needs_its_variables_again(tmp_path: Path) -> None:
    spec = load_agent(written(tmp_path, {"a.yaml": SUPPORT}) / "a.yaml", environment=ENVIRONMENT)
    with pytest.raises(MissingVariable) as caught:
        load_document(spec_document(spec), environment={"STEPS": "7"})
    assert str(caught.value) == "the stored spec: model.api_key: the environment variable KEY is not set"


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"kind":1}'])
def test_a_document_of_something_else_is_refused(document: bytes) -> None:
    with pytest.raises(ConfigError, match="not the document of a spec"):
        load_document(document, environment={})


def test_a_document_of_a_later_version_is_refused() -> None:
    with pytest.raises(NotSupported, match="document of a flow, version 2"):
        load_document(b'{"kind":"flow","version":2,"folder":".","spec":{}}', environment={})


def test_files_that_say_the_same_have_the_same_digest(tmp_path: Path) -> None:
    one = """
name: a
model: {provider: openai, name: m, price: {input: 1, output: 2.5}}
limits: {steps: 5}
tools: [x]
"""
    two = """
# a comment
tools:
- 'x'
limits:
    steps: 0x5
model:
  name: m
  price: {output: 2.50, input: 1.0}
  provider: openai
name: "a"
"""
    three = """
name = "a"
tools = ["x"]
limits.steps = 5
[model]
provider = "openai"
name = "m"
price = {input = 1.0, output = 2.5}
"""
    files = {"one.yaml": one, "two.yml": two, "three.toml": three, "other.yaml": one.replace("steps: 5", "steps: 6")}
    written(tmp_path, files)
    digest = {name: spec_digest(load_agent(tmp_path / name, environment={})) for name in files}
    assert digest["one.yaml"] == digest["two.yml"] == digest["three.toml"] != digest["other.yaml"]


def test_a_byte_order_mark_and_windows_line_ends_mean_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: a\r\nmodel: demo/planner\r\n")
    (tmp_path / "b.yaml").write_bytes(b"name: a\nmodel: demo/planner\n")
    assert load(tmp_path / "a.yaml", environment={}) == load(tmp_path / "b.yaml", environment={})


def test_what_an_agent_leaves_open_comes_from_its_project(tmp_path: Path) -> None:
    project = """
    [defaults]
    model = {provider = "openai", name = "m", api_key = "${KEY}"}
    limits = {steps = 3, timeout = "10s"}
    """
    agents = {"a.yaml": "name: a\nlimits: {steps: 9}\n", "b.yaml": "name: b\nmodel: demo/planner\nlimits: 3\n"}
    written(tmp_path, {"perdure.toml": project, "one/two/a.yaml": agents["a.yaml"], "b.yaml": agents["b.yaml"]})
    spec = load_agent(tmp_path / "one/two/a.yaml", environment=ENVIRONMENT)
    assert isinstance(spec.model, ModelSpec) and spec.model.api_key == "hunter2"
    assert (spec.limits.steps, spec.limits.timeout, spec.folder) == (9, 10_000, "one/two")
    assert load_document(spec_document(spec), environment=ENVIRONMENT) == spec
    with pytest.raises(InvalidFile, match=r"b\.yaml:3:9: limits: expected a mapping, found 3"):
        load_agent(tmp_path / "b.yaml", environment=ENVIRONMENT)


def test_a_project_says_where_its_own_providers_are(tmp_path: Path) -> None:
    settings = '[providers.house]\nbase_url = "http://127.0.0.1:1/v1"\n[providers.compatible]\nbase_url = "http://127.0.0.1:2/v1"\n'
    written(
        tmp_path,
        {"perdure.toml": settings, "a.yaml": "name: a\nmodel: {provider: house, name: m, fallback: [compatible/x]}\n"},
    )
    spec = load_agent(tmp_path / "a.yaml", environment={})
    assert load_document(spec_document(spec), environment={}) == spec
    with pytest.raises(InvalidFile, match="expected a known provider, found `house`"):
        load_agent(tmp_path / "a.yaml", environment={}, project=ProjectConfig(root=tmp_path))


def test_an_agent_outside_of_the_project_keeps_the_way_to_its_folder(tmp_path: Path) -> None:
    written(tmp_path, {"elsewhere/a.yaml": "name: a\nmodel: demo/planner\n"})
    project = ProjectConfig(root=tmp_path / "project")
    assert load_agent(tmp_path / "elsewhere/a.yaml", environment={}, project=project).folder == "../elsewhere"


def test_overrides_come_before_variables_and_checks(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.yaml": SUPPORT}) / "a.yaml"
    overrides = ["limits.steps=${N:-4}", "model=demo/planner", "description=", "tools[0]=time"]
    spec = load_agent(path, environment={}, overrides=overrides)
    assert (spec.limits.steps, spec.model, spec.description, spec.tools[0]) == (4, "demo/planner", "", "time")
    assert load_document(spec_document(spec), environment={}) == spec


def test_a_wrong_override_is_named_in_the_place_of_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.yaml": "name: a\nmodel: demo/planner\nstop: x\n"}) / "a.yaml"
    with pytest.raises(InvalidFile) as caught:
        load_agent(path, environment={}, overrides=["limits.steps=many", "limits.step=1", "name.x=1"])
    assert str(caught.value).split("\n") == [
        "--override limits.step=1: limits.step: unknown key; did you mean `steps`?",
        "--override limits.steps=many: limits.steps: expected a whole number, found `many`",
        "--override name.x=1: `x` has no place: what is there is a plain value; override that as a whole",
        f"{path}:3:7: stop: expected a list, found `x`",
        "    3 | stop: x",
        "      |       ^",
    ]


def test_a_spec_made_in_python_is_checked_and_completed_as_a_file_is() -> None:
    made = AgentSpec(
        name="a",
        model=ModelSpec("openai", "m", api_key="${KEY}"),
        budget=agent_from(
            {"name": "x", "model": "demo/planner", "budget": {"per_run": "$0.123456"}}, environment={}
        ).budget,
        folder="agents",
    )
    spec = agent_from(made, environment=ENVIRONMENT)
    assert isinstance(spec.model, ModelSpec) and spec.model.api_key == "hunter2"
    assert (spec.budget.per_run, spec.folder) == (123_456, "agents")
    assert spec_document(spec) == spec_document(made)
    assert agent_from(spec, environment={}) is spec
    with pytest.raises(InvalidFile, match="the spec: name: expected 1 to 64"):
        agent_from(AgentSpec(name="", model="demo/planner"), environment={})
    with pytest.raises(InputError, match="plain data"):
        agent_from({"name": object()}, environment={})


def test_kinds_are_told_by_name(tmp_path: Path) -> None:
    assert kind_of(Path("x/perdure.toml")) == "project"
    assert kind_of(Path("x/perdure.agent.yaml")) == "agent"
    assert kind_of(Path("b.team.toml")) == "agent"
    for name in ("a.flow.yaml",):
        with pytest.raises(NotSupported) as caught:
            kind_of(Path(name))
        assert caught.value.code == "config.not_supported"
    written(tmp_path, {"perdure.yaml": "project: {name: p}\n"})
    assert isinstance(load(tmp_path / "perdure.yaml", environment={}), ProjectConfig)
    with pytest.raises(ConfigError, match="describes a project, not an agent"):
        load_agent(tmp_path / "perdure.yaml", environment={})


def test_what_only_a_struct_can_refuse_is_told_in_its_words() -> None:
    for price, told in (
        ({"input": 1e10, "output": 1}, "dollars per million tokens"),
        ({"input": 1}, "this key is required"),
    ):
        with pytest.raises(InvalidFile, match=told):
            agent_from({"name": "a", "model": {"provider": "openai", "name": "m", "price": price}}, environment={})
    with pytest.raises(InvalidFile, match=r"^x: on\[0\]\.every: too much: 999999999999$"):
        build(
            AgentFile,
            {"name": "a", "on": [{"every": 999999999999}]},
            {},
            rules=lambda tree: [],
            place=nowhere("x"),
        )
    with pytest.raises(InvalidFile, match=r"^the spec: model: a model has a provider and a name"):
        agent_from({"name": "a", "model": {"provider": "openai", "name": ""}}, environment={})


def test_a_project_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    written(tmp_path, {"perdure.toml": '[project]\nname = "p"\n', "a/b/c.txt": ""})
    project = load_project(tmp_path / "a/b", environment={})
    assert (project.root, project.name, project.file) == (tmp_path, "p", tmp_path / "perdure.toml")


def test_a_folder_without_a_project_file_is_a_project_of_defaults(tmp_path: Path) -> None:
    project = load_project(tmp_path, environment={})
    assert (project.root, project.file, project.name) == (tmp_path, None, tmp_path.name)
    assert project.database == tmp_path / ".perdure/perdure.db"


def test_loading_a_good_file_never_imports_the_slow_parts(tmp_path: Path) -> None:
    written(tmp_path, {"a.toml": 'name = "a"\nmodel = "demo/planner"\n'})
    code = (
        "import sys, pathlib\nfrom perdure.agents.config.loader import load\n"
        f"load(pathlib.Path({str(tmp_path / 'a.toml')!r}), environment={{}})\n"
        "print([name for name in ('jsonschema', 'yaml', 'asyncio', 'genai_prices') if name in sys.modules])"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert (done.stdout, done.stderr) == ("[]\n", "")


KEYS = st.sampled_from(
    [
        "name",
        "model",
        "tools",
        "limits",
        "steps",
        "budget",
        "per_run",
        "on",
        "topic",
        "provider",
        "fallback",
        "output",
        "type",
        "price",
        "input",
        "class",
        "x",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "demo/planner", "openai", "$1", "2m", "${X}", "${", "./a.py:f", "* * * * *"])
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(KEYS, TREES, max_size=6))
def test_no_tree_is_met_with_anything_but_a_spec_or_its_problems(tree: dict[str, Any]) -> None:
    try:
        spec = agent_from(tree, environment={})
    except (InvalidFile, MissingVariable, InputError) as error:
        assert str(error)
    else:
        assert load_document(spec_document(spec), environment={}) == spec


@given(st.text("ab:-[]{}&*!|>'\"%@`,?#~.01e \t\nnamedol/$", max_size=80))
def test_no_text_is_met_with_anything_but_a_spec_or_its_problems(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_text("name: a\nmodel: demo/planner\n" + text, encoding="utf-8")
    try:
        load(path, environment={})
    except (InvalidFile, MissingVariable) as error:
        assert str(error).startswith(f"{path}:")


def test_every_character_is_read_or_refused(tmp_path: Path) -> None:
    path, read = tmp_path / "a.yaml", 0
    for code in [*range(0x300), 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF]:
        path.write_text(f'name: a\nmodel: demo/planner\ndescription: "x{chr(code)}y"\n', encoding="utf-8")
        try:
            load(path, environment={})
            read += 1
        except InvalidFile as error:
            assert str(error).startswith(f"{path}:3:")
    assert read > 600
