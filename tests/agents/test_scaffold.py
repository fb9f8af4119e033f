from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from perdure.agents.config.loader import load_agent, load_project
from perdure.agents.scaffold import create_project, scaffold
from perdure.agents.schema import file_schema
from perdure.base.errors import InputError


def test_a_new_project_is_valid_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "my-agents"
    written = create_project(folder)
    assert all(path.is_file() for path in written)
    project = load_project(folder, environment={})
    spec = load_agent(folder / "agents/assistant.yaml", environment={})
    assert (project.name, spec.name, spec.model, spec.folder) == ("my-agents", "assistant", "demo/planner", "agents")
    for entry in spec.tools[1:]:
        path = entry["files"] if isinstance(entry, dict) else entry.partition(":")[0]
        assert (folder / spec.folder / path).exists()
    ast.parse((folder / "tools/example.py").read_text())


def test_editors_find_the_schema_that_the_files_name(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    create_project(folder)
    for file, kind in (("agents/assistant.yaml", "agent"), ("perdure.toml", "project")):
        first = (folder / file).read_text().split("\n")[0]
        schema = (folder / file).parent / first.rpartition("=" if kind == "agent" else " ")[2]
        assert json.loads(schema.read_text()) == file_schema(kind)


def test_secrets_and_state_stay_out_of_version_control() -> None:
    assert {".env", ".perdure/"} <= set(scaffold("p")[".gitignore"].split())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"README\.md exists already"):
        create_project(tmp_path / "p")
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["", "a b", "-x", 'x"y', "x" * 65])
def test_a_project_needs_a_name(name: str) -> None:
    with pytest.raises(InputError, match="not a name for a project"):
        scaffold(name)
