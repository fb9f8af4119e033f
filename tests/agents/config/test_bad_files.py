"""Each bad file, and the first lines that a person is told: nothing may be missing, and nothing more may be said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perdure.agents.config.loader import load
from perdure.base.errors import ConfigError, InvalidFile, MissingVariable

HEAD = "name: a\nmodel: demo/planner\n"

YAML = {
    # the text itself
    "empty": ("", ["1:1: the file is empty"]),
    "only a comment": ("# nothing yet\n", ["1:1: the file is empty"]),
    "a list": ("- a\n- b\n", ["1:1: expected a mapping of keys, found a list"]),
    "a word": ("hello", ["1:1: expected a mapping of keys, found `hello`"]),
    "tab": ("name: a\nlimits:\n\tsteps: 1\n", ["3:1: a tab cannot indent YAML; use spaces"]),
    "open quote": ("name: 'a\nmodel: b\n", ["1:7: this quote is never closed"]),
    "open bracket": ("name: a\nstop: [x, y\n", ["2:7: this bracket is never closed"]),
    "open brace": ("name: a\nlimits: {steps: 1\n", ["2:9: this bracket is never closed"]),
    "comma forgotten": (
        "name: a\nlimits: {steps: 1\n  tokens: 5}\n",
        ["3:9: expected `,` or `}` to close what line 2:9 opens"],
    ),
    "colon in text": (
        "name: a\ndescription: note: this\n",
        ["2:18: `: ` cannot stand here; quote text that holds it, or check the indentation"],
    ),
    "at sign": ("name: @a\n", ["1:7: `@` cannot begin a value; put the text in quotes"]),
    "escape": ('name: "\\q"\n', ["1:8: not an escape sequence; use single quotes for text with backslashes"]),
    "bad dedent": ("on:\n  - topic: a\n - topic: b\n", ["3:2: expected a key at this indentation"]),
    "list beside keys": ("- a\nname: b\n", ["2:1: expected `- ` at this indentation"]),
    "key without value": (
        "name: a\nmodel\n",
        ["3:1: expected `: ` after this key; text of several lines begins with `|`"],
    ),
    "bare variable in braces": (
        "name: a\nlimits: {timeout: ${T}}\n",
        ["2:20: inside braces and brackets, `${…}` has to be in quotes"],
    ),
    "two documents": (HEAD + "---\nname: b\n", ["3:1: a second document begins here; a file holds one"]),
    "list as key": ("[a]: b\n", ["1:1: a key must be text; this one is a list or mapping"]),
    "unknown alias": ("name: *who\n", ["1:7: `*who` has no anchor `&who` before it"]),
    "alias in itself": ("stop: &s [*s]\n", ["1:11: `*s` stands inside what it names"]),
    "too deep": ("a: " + "[" * 70, ["1:67: nested deeper than 64 levels"]),
    "NUL": ("name: a\nx: \x00\n", ["2:4: a file of text cannot hold the character U+0000"]),
    "duplicate key": (HEAD + "name: b\n", ["3:1: name: this key was given before, on line 1:1"]),
    "duplicate key within": (
        HEAD + "limits: {steps: 1, tokens: 5, steps: 2}\n",
        ["3:31: limits.steps: this key was given before, on line 3:10"],
    ),
    "python tag": (
        HEAD + "description: !!python/name:os.system ''\n",
        ["3:14: description: the tag `!!python/name:os.system` means nothing here; files hold plain data"],
    ),
    "wrong tag": (HEAD + "limits: {steps: !!int many}\n", ["3:17: limits.steps: this is not `!!int`"]),
    "infinite": (
        HEAD + "budget: {warn_at: .inf}\n",
        ["3:19: budget.warn_at: expected a finite number; put it in quotes if it is text"],
    ),
    "too large": (
        HEAD + "limits: {steps: 99999999999999999999}\n",
        ["3:17: limits.steps: the number is too large; put it in quotes if it is text"],
    ),
    # keys
    "unknown key": (HEAD + "modle: x\n", ["3:1: modle: unknown key; did you mean `model`?"]),
    "unknown key within": (HEAD + "limits:\n  step: 5\n", ["4:3: limits.step: unknown key; did you mean `steps`?"]),
    "unknown key like nothing": (HEAD + "colour: blue\n", ["3:1: colour: unknown key"]),
    "foreign keys": (
        HEAD + "system_prompt: x\nmax_iterations: 3\nllm: x\n",
        [
            "3:1: system_prompt: unknown key; write `instructions` instead",
            "4:1: max_iterations: unknown key; write `limits.steps` instead",
            "5:1: llm: unknown key; write `model` instead",
        ],
    ),
    "merge key": (HEAD + "<<: {stop: [x]}\n", ['3:1: "<<": unknown key; merge keys are not part of YAML 1.2']),
    "no name": ("model: demo/planner\n", ["1:1: name: this key is required"]),
    "no model": (
        "name: a\n",
        ["1:1: model: this key is required where there is no `class`, nor a default model of the project"],
    ),
    # values
    "name": (
        "name: my agent\nmodel: demo/planner\n",
        [
            "1:7: name: expected 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit,"
            " found `my agent`"
        ],
    ),
    "number for text": (
        HEAD + "description: 1.10\n",
        ["3:14: description: expected text, found 1.1; put it in quotes"],
    ),
    "nothing for text": (HEAD + "description:\n", ["3:13: description: expected text, found nothing"]),
    "version": (HEAD + "version: one\n", ["3:10: version: expected a semantic version, such as 1.2.0, found `one`"]),
    "word for number": (
        HEAD + "limits: {steps: many}\n",
        ["3:17: limits.steps: expected a whole number, found `many`"],
    ),
    "sexagesimal is text": (
        HEAD + "limits: {steps: 1:30}\n",
        ["3:17: limits.steps: expected a whole number, found `1:30`"],
    ),
    "yes is text": (
        HEAD + "limits: {concurrency: yes}\n",
        ["3:23: limits.concurrency: expected true or false or a whole number, found `yes`"],
    ),
    "too few": (HEAD + "limits: {steps: 0}\n", ["3:17: limits.steps: expected 1 or more, found 0"]),
    "too many": (HEAD + "output_retries: 21\n", ["3:17: output_retries: expected 20 or less, found 21"]),
    "nothing at all": (HEAD + "budget: {warn_at: 0}\n", ["3:19: budget.warn_at: expected more than 0, found 0"]),
    "text for list": (HEAD + "stop: END\n", ["3:7: stop: expected a list, found `END`"]),
    "list for mapping": (HEAD + "context: [1]\n", ["3:10: context: expected a mapping, found a list"]),
    "choice": (
        HEAD + "strategy: reakt\n",
        ["3:11: strategy: expected `react` or `tools`, found `reakt`; did you mean `react`?"],
    ),
    "money": (
        HEAD + "budget: {per_run: lots}\n",
        ["3:19: budget.per_run: expected an amount of money such as $0.10, or a number of dollars, found `lots`"],
    ),
    "negative money": (
        HEAD + "budget: {per_run: -1}\n",
        ["3:19: budget.per_run: expected an amount of money such as $0.10, or a number of dollars, found -1"],
    ),
    "too much money": (HEAD + "budget: {per_run: 2000000000}\n", ["3:19: budget.per_run: too much: 2000000000"]),
    "duration": (
        HEAD + "limits: {timeout: soon}\n",
        [
            "3:19: limits.timeout: expected a duration such as 500ms, 10s, 2m or 1h30m, or a number of seconds,"
            " found `soon`"
        ],
    ),
    "metadata": (HEAD + "metadata: {team: 7}\n", ["3:18: metadata.team: expected text, found 7; put it in quotes"]),
    # models
    "model without provider": (
        "name: a\nmodel: gpt-5\n",
        ["2:8: model: expected provider/name, such as openai/gpt-5-mini, found `gpt-5`"],
    ),
    "unknown provider": (
        "name: a\nmodel: opnai/gpt-5\n",
        ["2:8: model: expected a known provider, found `opnai/gpt-5`; did you mean `openai`?"],
    ),
    "unknown provider in mapping": (
        "name: a\nmodel: {provider: antropic, name: m}\n",
        ["2:19: model.provider: expected a known provider, found `antropic`; did you mean `anthropic`?"],
    ),
    "no address": (
        "name: a\nmodel: {provider: compatible, name: m}\n",
        ["2:8: model.base_url: this key is required for the provider `compatible`"],
    ),
    "no address in short form": (
        "name: a\nmodel: compatible/m\n",
        ["2:8: model: `compatible` needs an address: {provider: compatible, name: …, base_url: …}"],
    ),
    "model keys": (
        "name: a\nmodel: {provider: openai, nmae: m, temperature: 3, timeout: soon, price: {input: -1, output: 0}}\n",
        [
            "2:8: model.name: this key is required",
            "2:27: model.nmae: unknown key; did you mean `name`?",
            "2:49: model.temperature: expected 0 to 2, found 3",
            "2:61: model.timeout: expected a duration such as 500ms, 10s or 2m, found `soon`",
            "2:82: model.price.input: expected dollars per million tokens, 0 or more, found -1",
        ],
    ),
    "fallback loop": (
        "name: a\nmodel:\n  provider: openai\n  name: m\n  fallback: [demo/planner, openai/m]\n",
        ["5:28: model.fallback[1]: this model is asked before already; it cannot fall back to itself"],
    ),
    "fallback within": (
        "name: a\nmodel:\n  provider: openai\n  name: m\n  fallback: [{provider: openai, name: n, topp: 1}]\n",
        ["5:42: model.fallback[0].topp: unknown key; did you mean `top_p`?"],
    ),
    "model of a wrong kind": (
        "name: a\nmodel: [x]\n",
        ["2:8: model: expected text or a mapping, found a list"],
    ),
    # tools, triggers, Python
    "tool with two names": (
        HEAD + "tools: [{a: 1, b: 2}]\n",
        ["3:9: tools[0]: expected one name with its options, found 2 keys"],
    ),
    "tool is a number": (
        HEAD + "tools: [calculator, 3]\n",
        ["3:21: tools[1]: expected text or a mapping, found 3; put it in quotes"],
    ),
    "tool name": (
        HEAD + "tools: ['a b']\n",
        ["3:9: tools[0]: expected a tool's name, ./file.py:function or package.module:function, found `a b`"],
    ),
    "no trigger": (
        HEAD + "on: [{input: x}]\n",
        ["3:6: on[0]: a trigger has exactly one of topic, schedule, every, webhook, file; found none"],
    ),
    "two triggers": (
        HEAD + "on: [{topic: x, every: 5m}]\n",
        ["3:6: on[0]: a trigger has exactly one of topic, schedule, every, webhook, file; found topic and every"],
    ),
    "schedule": (
        HEAD + "on:\n  - schedule: at noon\n",
        ["4:15: on[0].schedule: expected a cron line of five fields, found `at noon`"],
    ),
    "schedule of a day that there is not": (
        HEAD + "on:\n  - schedule: 0 0 30 2 *\n",
        ["4:15: on[0].schedule: expected a cron line of five fields: bad day-of-month, found `0 0 30 2 *`"],
    ),
    "timezone": (
        HEAD + "on:\n  - {schedule: '@daily', timezone: Mars/Base}\n",
        ["4:36: on[0].timezone: expected a time zone of the IANA database, such as Europe/Zurich, found `Mars/Base`"],
    ),
    "every": (HEAD + "on: [{every: 500ms}]\n", ["3:14: on[0].every: expected a second or longer, found `500ms`"]),
    "file": (
        HEAD + "on: [{file: ../secrets/*}]\n",
        ["3:13: on[0].file: expected a pattern below this file's folder, such as inbox/*.csv, found `../secrets/*`"],
    ),
    "trigger is text": (HEAD + "on: [daily]\n", ["3:6: on[0]: expected a mapping, found `daily`"]),
    "class": (
        "name: a\nclass: Counter\n",
        ["2:8: class: expected ./file.py:Class or package.module:Class, found `Counter`"],
    ),
    "output": (
        HEAD + "output: Order\n",
        ["3:9: output: expected a JSON Schema or ./file.py:Type, found `Order`"],
    ),
    "output schema": (
        HEAD + "output: {type: object, properties: {n: {type: integr}, m: 3}}\n",
        [
            "3:47: output.properties.n.type: expected a type of JSON Schema, found `integr`; did you mean `integer`?",
            "3:59: output.properties.m: expected a JSON Schema: a mapping",
        ],
    ),
    # several at once, with variables
    "everything at once": (
        "nam: a\nmodel: demo/planner\nlimits: {steps: '${NOPE}', timeout: 1x}\nmetadata: {k: '${a b}'}\n",
        [
            "1:1: nam: unknown key; did you mean `name`?",
            "1:1: name: this key is required",
            "3:17: limits.steps: the environment variable NOPE is not set",
            "3:37: limits.timeout: expected a duration such as 500ms, 10s, 2m or 1h30m, or a number of seconds,"
            " found `1x`",
            "4:15: metadata.k: `${a b}` is not a variable; write `$${` where `${` is meant as text",
        ],
    ),
    "secret is not shown": (
        HEAD + "limits: {steps: '${SECRET}'}\n",
        ["3:17: limits.steps: expected a whole number, found `${SECRET}`"],
    ),
}

TOML = {
    "given twice": ('name = "a"\nname = "b"\n', ["2:11: this key was given before"]),
    "bare word": ("name = a\n", ["1:8: this is not a value; put text in quotes"]),
    "no equals": ("name\n", ["1:5: expected `=` after this key"]),
    "open quote": ('name = "a', ["1:10: a quote is never closed"]),
    "two on a line": ("a = 1 b = 2\n", ["1:7: expected the end of the line here"]),
    "open header": ("[limits\n", ["1:8: not TOML: expected ']' at the end of a table declaration"]),
    "date": (
        'name = "a"\nversion = 2026-01-01\n',
        ["2:11: version: a date or time has no meaning here; put it in quotes"],
    ),
    "not finite": ("a = [1.0, nan]\n", ["1:11: a[1]: expected a finite number; put it in quotes if it is text"]),
    "too large": ("a = 99999999999999999999\n", ["1:5: a: the number is too large; put it in quotes if it is text"]),
    "far too large": ("a = " + "9" * 5000, ["1:1: a number is too large"]),
    "too deep": ("a = " + "[" * 70 + "]" * 70, [f"1:68: a{'[0]' * 63}: nested deeper than 64 levels"]),
    "far too deep": ("a = " + "[" * 5000 + "]" * 5000, ["1:1: nested too deeply"]),
    "control character": ("a = 'x\x07'\n", ["1:7: a file of text cannot hold the character U+0007"]),
    "unknown key in a table": (
        'name = "a"\nmodel = "demo/planner"\n[limits]\nstep = 1\n',
        ["4:1: limits.step: unknown key; did you mean `steps`?"],
    ),
    "wrong value in a list of tables": (
        'name = "a"\nmodel = "demo/planner"\n[[on]]\ntopic = "x"\n[[on]]\nevery = "soon"\n',
        ["6:9: on[1].every: expected a duration such as 500ms, 10s, 2m or 1h30m, or a number of seconds, found `soon`"],
    ),
    "dotted key": (
        'name = "a"\nmodel = "demo/planner"\nlimits.steps = "x"\n',
        ["3:16: limits.steps: expected a whole number, found `x`"],
    ),
}

PROJECT = {
    "unknown provider": (
        "[providers.opnai]\n",
        ["1:12: providers.opnai: unknown provider, and without a base_url; did you mean `openai`?"],
    ),
    "price without provider": (
        "[prices.gpt-5]\ninput = 1\noutput = 2\n",
        ["1:9: prices.gpt-5: expected provider/model, in quotes"],
    ),
    "price": (
        '[prices."openai/gpt-5"]\ninput = -1\n',
        [
            '1:9: prices."openai/gpt-5".output: this key is required',
            '2:9: prices."openai/gpt-5".input: expected dollars per million tokens, 0 or more, found -1',
        ],
    ),
    "two stores": ('[store]\npath = "a"\nurl = "b"\n', ["3:1: store.url: a store has a path or a url, not both"]),
    "port": ("[server]\nport = 99999\n", ["2:8: server.port: expected 65,535 or less, found 99999"]),
    "default model": (
        '[defaults]\nmodel = "nowhere/x"\n',
        ["2:9: defaults.model: expected a known provider, found `nowhere/x`"],
    ),
    "agent's key": ('model = "x"\n', ["1:1: model: unknown key"]),
}


def told(path: Path, text: str) -> tuple[ConfigError, list[str]]:
    path.write_bytes(text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, environment={"SECRET": "hunter2"})
    prefix = f"{path}:"
    return caught.value, [
        line.removeprefix(prefix) for line in str(caught.value).split("\n") if line.startswith(prefix)
    ]


@pytest.mark.parametrize(("text", "expected"), YAML.values(), ids=YAML)
def test_a_bad_yaml_file_is_told_in_one_pass(tmp_path: Path, text: str, expected: list[str]) -> None:
    error, lines = told(tmp_path / "agent.yaml", text)
    assert lines == expected
    assert type(error) is InvalidFile
    assert len(error.problems) == len(expected)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(("text", "expected"), TOML.values(), ids=TOML)
def test_a_bad_toml_file_is_told_in_one_pass(tmp_path: Path, text: str, expected: list[str]) -> None:
    error, lines = told(tmp_path / "agent.toml", text)
    assert lines == expected
    assert type(error) is InvalidFile


@pytest.mark.parametrize(("text", "expected"), PROJECT.values(), ids=PROJECT)
def test_a_bad_project_file_is_told_in_one_pass(tmp_path: Path, text: str, expected: list[str]) -> None:
    error, lines = told(tmp_path / "perdure.toml", text)
    assert lines == expected
    assert type(error) is InvalidFile


def test_missing_variables_alone_are_an_error_of_their_own(tmp_path: Path) -> None:
    text = HEAD + "description: ${WHO}\nlimits: {steps: '${STEPS}'}\n"
    error, lines = told(tmp_path / "agent.yaml", text)
    assert type(error) is MissingVariable
    assert error.facts == {"variables": ["STEPS", "WHO"]}
    assert lines == [
        "3:14: description: the environment variable WHO is not set",
        "4:17: limits.steps: the environment variable STEPS is not set",
    ]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.yaml", b"\xff\xfen\x00", "saved as UTF-16; save it as UTF-8"),
        ("a.yaml", b"#" * (1024 * 1024 + 1), "larger than 1,024 KiB; this is not a file that people write"),
        ("a.ini", b"", "expected a file that ends in .yaml, .yml, .json, .toml"),
    ],
)
def test_a_file_that_cannot_be_one(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidFile) as caught:
        load(tmp_path / name, environment={})
    assert str(caught.value) == f"{tmp_path / name}: {what}"


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_bytes("name: a\n# é ".encode() + b"\xe9\n")
    with pytest.raises(InvalidFile) as caught:
        load(path, environment={})
    assert str(caught.value).split("\n") == [
        f"{path}:2:5: not UTF-8: byte 0xe9 (save the file as UTF-8)",
        "    2 | # é �",
        "      |     ^",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, what in ((tmp_path / "none.yaml", "no such file"), (tmp_path / "folder.yaml", "this is a folder")):
        (tmp_path / "folder.yaml").mkdir(exist_ok=True)
        with pytest.raises(InvalidFile) as caught:
            load(path, environment={})
        assert str(caught.value) == f"{path}: {what}"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    with pytest.raises(InvalidFile, match="this is a pipe"):
        load(path, environment={})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('name: a\nfile: "x\\0y"\n', "2:7: file"),
        ('name: a\ntools:\n  - {files: "\\x00"}\n', "3:13: tools[0].files"),
        ('"na\\u0000me": a\n', "1:15"),
    ],
)
def test_an_escape_cannot_make_what_no_path_takes(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InvalidFile) as caught:
        load(tmp_path / "a.yaml", environment={})
    assert f"a.yaml:{place}" in str(caught.value) and "text cannot hold the character U+0000" in str(caught.value)


def test_aliases_cannot_blow_a_file_up(tmp_path: Path) -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    _, lines = told(tmp_path / "agent.yaml", laughs)
    assert lines == ["6:10: more than 100,000 values, counting what aliases repeat"]


def test_aliases_cannot_nest_a_file_too_deep(tmp_path: Path) -> None:
    chain = f"a0: &a0 {'[' * 40}{']' * 40}\n" + "".join(f"a{n}: &a{n} {{k: [*a{n - 1}]}}\n" for n in range(1, 40))
    _, lines = told(tmp_path / "agent.yaml", chain)
    assert lines == ["13:16: nested deeper than 64 levels"]


def test_a_deep_model_is_told_to_its_bottom(tmp_path: Path) -> None:
    depth = 30
    head = "".join(f"{{provider: openai, name: m{n}, fallback: [" for n in range(depth))
    _, lines = told(tmp_path / "agent.yaml", f"name: a\nmodel: {head}{{provider: opnai}}{']}' * depth}\n")
    path = "model" + ".fallback[0]" * depth
    assert [line.partition(": ")[2] for line in lines] == [
        f"{path}.name: this key is required",
        f"{path}.provider: expected a known provider, found `opnai`; did you mean `openai`?",
    ]


def test_thousands_of_problems_are_told_at_once(tmp_path: Path) -> None:
    text = HEAD + "tools: [" + "3, " * 90_000 + "]\n" + "".join(f"unknwon{n}: 1\n" for n in range(4_000))
    error, _ = told(tmp_path / "agent.yaml", text)
    assert "more problems" in str(error)
    assert str(error).count("\n") < 200


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(InvalidFile, match=r"x\.yaml: cannot be read: File name too long$"):
        load(Path("x" * 300 + ".yaml"), environment={})
