from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.config.toml_marks import mark_toml
from perdure.agents.config.toml_text import read_toml

TEXT = '''\
name = "a"  # a comment
limits.steps = 20

[model]
provider = 'compatible'
"odd key" = [1, 2, # one, two
  {q = 1, z = "x]"},
]

[[on]]
topic = """
long"""
[[on]]
every = "5m"
[on.sub]
x.y = 1979
'''


def written(text: str, place: Any) -> str:
    line = text.split("\n")[place.line - 1]
    return line[place.column - 1 : place.column - 1 + place.width]


def test_every_key_and_value_is_found_where_it_is_written() -> None:
    parsed = read_toml(TEXT)
    marks = parsed.marks()
    assert {path: written(TEXT, place) for path, place in marks.values.items() if path} == {
        ("name",): '"a"',
        ("limits",): "limits",
        ("limits", "steps"): "20",
        ("model",): "model",
        ("model", "provider"): "'compatible'",
        ("model", "odd key"): "[1, 2, # one, two",
        ("model", "odd key", 0): "1",
        ("model", "odd key", 1): "2",
        ("model", "odd key", 2): '{q = 1, z = "x]"}',
        ("model", "odd key", 2, "q"): "1",
        ("model", "odd key", 2, "z"): '"x]"',
        ("on",): "on",
        ("on", 0): "on",
        ("on", 0, "topic"): '"""',
        ("on", 1): "on",
        ("on", 1, "every"): '"5m"',
        ("on", 1, "sub"): "sub",
        ("on", 1, "sub", "x"): "x",
        ("on", 1, "sub", "x", "y"): "1979",
    }
    assert written(TEXT, marks.keys[("model", "odd key")]) == '"odd key"'
    assert (marks.keys[("on", 1, "every")].line, marks.values[("on", 1)].line) == (14, 13)


def test_places_are_looked_for_only_when_asked() -> None:
    assert read_toml("a = 1").value == {"a": 1}
    assert read_toml("").value == {}


def paths(value: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(paths(item, (*path, step)) for step, item in items))


KEYS = st.sampled_from(["a", "b-c", '"d e"', "'f.g'", '"h\\"i"'])
VALUES = st.recursive(
    st.sampled_from(['"x"', "'y # z'", "1", "-2.5e3", "true", '"""m\nn"""', "'''o\n'''", '"\\u00e9, ]"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ",\n # c\n".join(items) + "]")
        | st.dictionaries(KEYS, inner.filter(lambda text: "\n" not in text), max_size=2).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.lists(st.dictionaries(KEYS, VALUES, max_size=2), max_size=3))
def test_the_scan_finds_every_path_that_tomllib_read(root: dict[str, str], tables: list[dict[str, str]]) -> None:
    lines = [f"{key} = {value}" for key, value in root.items()]
    for table in tables:
        lines += ["[[t]]", *(f"{key} = {value}" for key, value in table.items())]
    text = "\n".join(lines)
    parsed = read_toml(text)
    assert not parsed.broken
    assert set(mark_toml(text).values) == paths(parsed.value)


@given(st.text("ab=[]{}\"'.,#\n 01", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    parsed = read_toml(text)
    if not parsed.broken:
        assert set(parsed.marks().values) == paths(parsed.value)
