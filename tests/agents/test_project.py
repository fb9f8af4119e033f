from __future__ import annotations

from pathlib import Path

import pytest

from perdure.agents.config.loader import load_agent, load_project
from perdure.agents.lifecycle import Rules, rules_of
from perdure.agents.project import ProjectConfig, StoreSettings, find_project_file
from perdure.base.errors import InvalidFile, MissingVariable

PROJECT = """\
[project]
name = "shop"

[providers.openai]
api_key = "${KEY}"

[store]
path = "state/shop.db"

[budget]
per_day = "$5"

[prices."openai/m"]
input = 1
output = 2.5

[server]
port = 9000

[lifecycle]
shutdown = {grace_period = "5s"}
reload = {on_config_change = "restart"}
"""


def test_a_project_file_becomes_settings(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text(PROJECT)
    project = load_project(tmp_path, environment={"KEY": "hunter2"})
    assert project.name == "shop"
    assert project.providers["openai"].api_key == "hunter2"
    assert project.database == tmp_path / "state/shop.db"
    assert project.state_folder == tmp_path / ".perdure"
    assert project.budget.per_day == 5_000_000
    assert project.prices["openai/m"].output == 2.5
    assert (project.server.host, project.server.port, project.lifecycle.grace_ms) == ("127.0.0.1", 9000, 5_000)


def test_the_same_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "perdure.yaml").write_text("# nothing but defaults\n")
    project = load_project(tmp_path, environment={})
    assert (project.file, project.lifecycle.grace_ms) == (tmp_path / "perdure.yaml", 30_000)
    assert project == ProjectConfig(root=tmp_path, file=tmp_path / "perdure.yaml")


def test_an_agent_may_say_otherwise_than_its_project_what_a_change_does(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text(
        '[hot_reload]\nenabled = false\n[lifecycle.reload]\non_config_change = "restart"\n'
    )
    (tmp_path / "a.yaml").write_text("name: a\nmodel: demo/planner\nhot_reload: {enabled: true}\n")
    (tmp_path / "b.yaml").write_text(
        "name: b\nmodel: demo/planner\nlifecycle: {reload: {on_config_change: ignore, strategy: immediate}}\n"
    )
    project = load_project(tmp_path, environment={})
    a, b = (load_agent(tmp_path / name, environment={}, project=project) for name in ("a.yaml", "b.yaml"))
    assert rules_of(a, project) == Rules(True, "restart", "graceful")
    assert rules_of(b, project) == Rules(False, "ignore", "immediate")


def test_what_is_wrong_in_a_project_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text(PROJECT)
    with pytest.raises(
        MissingVariable, match=r"perdure\.toml:5:11: providers\.openai\.api_key: the environment variable KEY"
    ):
        load_project(tmp_path, environment={})
    (tmp_path / "perdure.toml").write_text("[serverr]\nport = 1\n")
    with pytest.raises(InvalidFile, match=r"perdure\.toml:1:2: serverr: unknown key; did you mean `server`\?"):
        load_project(tmp_path, environment={})


def test_the_nearest_project_file_upward_is_taken(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "perdure.yml").write_text("")
    assert find_project_file(inner) == tmp_path / "perdure.yml"
    (tmp_path / "a" / "perdure.toml").write_text("")
    assert find_project_file(inner) == tmp_path / "a" / "perdure.toml"


def test_a_project_without_a_name_is_called_like_its_folder(tmp_path: Path) -> None:
    assert ProjectConfig(root=tmp_path).name == tmp_path.name
    assert ProjectConfig(root=Path("/")).name == "project"
    assert ProjectConfig(root=tmp_path, store=StoreSettings(url="postgresql://x")).store.url == "postgresql://x"
