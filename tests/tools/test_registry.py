from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import ConfigError, MissingDependency
from perdure.tools.fetch.memory import MemoryFetch
from perdure.tools.fetch.port import FetchResponse
from perdure.tools.function import tool
from perdure.tools.registry import BUILTINS, resolve, resolve_all

TOOLS_PY = '''
from __future__ import annotations
from dataclasses import dataclass
from perdure.tools.function import tool

@dataclass
class Order:
    id: str

@tool(effect="read")
def lookup_order(order_id: str) -> Order:
    """Look an order up."""
    return Order(order_id)

def add(a: int, b: int) -> int:
    return a + b

class box:
    @staticmethod
    def open(name: str) -> str:
        return name

number = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS_PY)
    (tmp_path / "docs").mkdir()
    return tmp_path


def names(entries: list[Any], folder: Path) -> list[str]:
    return list(resolve_all(entries, folder=folder))


def test_everything_that_can_stand_under_tools(folder: Path) -> None:
    @tool
    def mine() -> None: ...

    def plain() -> None: ...

    entries = [
        "calculator",
        {"time": "Europe/Berlin"},
        {"ask": None},
        {"http": {"allow": ["api.example.com"]}},
        {"http": {"allow": ["*"], "name": "web", "methods": ["get"]}},
        {"files": "./docs"},
        {"files": {"root": ".", "read_only": True, "name": "project"}},
        "./tools.py:lookup_order",
        "tools.py:add",
        "./tools.py:box.open",
        "json:dumps",
        mine,
        plain,
    ]
    with pytest.raises(ConfigError, match=r"tool dumps: the parameter \*\*kw"):
        resolve("json:dumps", folder=folder)
    entries.remove("json:dumps")
    assert names(entries, folder) == [
        *("calculator", "time", "ask", "http", "web"),
        *("files_read", "files_list", "files_search", "files_write", "files_append", "files_edit"),
        *("project_read", "project_list", "project_search"),
        *("lookup_order", "add", "open", "mine", "plain"),
    ]


def test_every_builtin_resolves(folder: Path) -> None:
    options: dict[str, Any] = {
        "files": "docs",
        "time": "UTC",
        "ask": "2d",
        "http": ["example.com"],
        "calculator": {},
        "capability": "weather",
        "namespace": {},
        "publish": ["reports.>"],
    }
    assert set(options) == set(BUILTINS)
    for name, value in options.items():
        for made in resolve({name: value}, folder=folder):
            assert made.source_digest == ""
            assert made.definition.description != made.definition.name


async def test_the_way_to_the_network_is_handed_in(folder: Path) -> None:
    fetch = MemoryFetch(lambda request: FetchResponse(200, body=b"hi"), {"example.com": ("93.184.215.14",)})
    (http,) = resolve({"http": ["example.com"]}, folder=folder, fetch=fetch)
    await http.call({"url": "https://example.com/"}, key="k", ctx=None)  # type: ignore[arg-type]
    assert [address for _, address in fetch.sent] == ["93.184.215.14"]


async def test_functions_of_a_file_work(folder: Path) -> None:
    (lookup,) = resolve("./tools.py:lookup_order", folder=folder)
    output = await lookup.call({"order_id": "7"}, key="k", ctx=None)  # type: ignore[arg-type]
    assert output.value == {"id": "7"}
    assert lookup.effect == "read"


def test_an_edited_file_is_another_module_and_the_old_one_stays(folder: Path) -> None:
    (old,) = resolve("./tools.py:lookup_order", folder=folder)
    assert resolve("./tools.py:lookup_order", folder=folder) == (old,), "it runs once"
    (folder / "tools.py").write_text(TOOLS_PY.replace("return Order(order_id)", "return Order('new')"))
    (new,) = resolve("./tools.py:lookup_order", folder=folder)
    assert new.source_digest != old.source_digest


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("calculater", "there is no built-in tool calculater; did you mean calculator?"),
        ("zzz", "there are ask, calculator, capability, files, http, namespace, publish, time"),
        ({"zzz": {}}, "there is no built-in tool zzz"),
        ({"http": {}, "time": {}}, "a tool is one name with its options, not 2: http, time"),
        ({}, "not 0"),
        (3, "not a tool: 3"),
        ({"calculator": 3}, "calculator takes no options, 3 given"),
        ({"calculator": {"a": 1}}, "calculator: Object contains unknown field `a`"),
        ({"http": {"allow": [1]}}, "http.allow[0]: Expected `str`, got `int`"),
        ({"http": {"alow": []}}, "http: Object contains unknown field `alow`"),
        ({"http": {"auth": {"basic": {"user": "a"}}}}, "http.auth.basic: Object missing required field `password`"),
        ({"time": "Europe/Berln"}, "time: there is no time zone 'Europe/Berln', did you mean Europe/Berlin"),
        ({"ask": "soon"}, "ask: not a duration: 'soon'"),
        ({"http": {"allow": ["a b"]}}, "not a host: a b"),
        ({"files": {}}, "files: Object missing required field `root`"),
        ({"files": {"root": "nope", "read_only": True}}, "there is no folder"),
        ({"files": "tools.py"}, "not a folder"),
        ("./nope.py:x", "nope.py cannot be read: No such file"),
        ("./tools.py:lookup_orders", "lookup_orders is not there; did you mean lookup_order?"),
        ("./tools.py:zzz", "zzz is not there; its tools: lookup_order"),
        ("./tools.py:number", "number is not a function"),
        ("no_such_package.x:f", "there is no module no_such_package.x"),
        ("json.nope:f", "there is no module json.nope"),
        (".relative:f", "cannot be imported: TypeError"),
        ("json:zzz", "json:zzz: zzz is not there"),
        ("json:dump.deeper", "dump.deeper is not there"),
    ],
)
def test_what_is_wrong_is_named(entry: Any, said: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(entry, folder=folder)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:\n", "bad.py:1: invalid syntax"),
        ("x = 1\n\nraise ValueError('no')\n", "bad.py:3: ValueError: no"),
        ("import json\njson.loads('{')\n", "bad.py:2: JSONDecodeError"),
        ("import nowhere_at_all\n", "bad.py:1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("\nraise SystemExit\n", "bad.py:2: SystemExit"),
        ("a\0b", "bad.py:"),
    ],
)
def test_an_error_in_the_users_file_is_told_with_its_line(source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(source)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            resolve("./bad.py:f", folder=tmp_path)
        assert said in caught.value.message


def test_errors_in_the_users_module_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "perdure_needs.py").write_text("import nowhere_at_all\n")
    (tmp_path / "perdure_fails.py").write_text("\n1 / 0\n")
    with pytest.raises(MissingDependency, match="perdure_needs needs nowhere_at_all"):
        resolve("perdure_needs:f", folder=tmp_path)
    with pytest.raises(ConfigError, match=r"ZeroDivisionError: division by zero \(at perdure_fails\.py:2\)"):
        resolve("perdure_fails:f", folder=tmp_path)


def test_two_tools_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="two tools are called calculator"):
        names(["calculator", {"calculator": {}}], folder)
