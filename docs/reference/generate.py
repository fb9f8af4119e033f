"""Writes the pages of this folder from the code that they describe: `python docs/reference/generate.py`.

A test fails when a page is not what the code says.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

import perdure
from perdure.agents.schema import KINDS, file_schema
from perdure.base.errors import PerdureError
from perdure.cli.commands import cli as command_line
from perdure.cli.exits import MEANINGS
from perdure.cli.group import LazyGroup
from perdure.flows.expressions.functions import FUNCTIONS
from perdure.flows.language.grammar import COMMON, FLOW, RETRY, TOGETHER, WAIT, Field
from perdure.flows.language.grammar import KINDS as STEPS
from perdure.tools.registry import BUILTINS, resolve

HERE = Path(__file__).parent


def errors() -> Iterator[str]:
    yield from _head(
        "Errors",
        "Every error that Perdure raises on purpose has a stable code: `error.code` of `perdure run --json`, "
        "in the journal, and on its class in `perdure.base.errors`. *Retryable*: the same request may succeed "
        "later unchanged.",
    )
    yield "| code | class | what to do | retryable |"
    yield "| --- | --- | --- | --- |"
    for cls in sorted(_classes(PerdureError), key=lambda cls: (cls.code, cls.__name__)):
        yield f"| `{cls.code}` | {cls.__name__} | {_cell(cls.hint)} | {'yes' if cls.retryable else ''} |"


def files() -> Iterator[str]:
    yield from _head(
        "Files",
        "What the files of a project may hold, in YAML or TOML alike. `perdure schema agent`, `perdure schema "
        "team` (of an agent that is one), `perdure schema project` and `perdure schema flow` print the same as "
        "JSON Schema. Any value may be `${VARIABLE}` or `${VARIABLE:-default}`.",
    )
    for kind in KINDS:
        schema = file_schema(kind)
        definitions = schema["$defs"]
        root = _target(schema)
        yield from _section(f"{kind.capitalize()} file", root, definitions)
        for name, definition in definitions.items():
            if name != root and "properties" in definition:
                yield from _section(f"{kind.capitalize()} file: {name}", name, definitions)
    yield from _flows()
    yield "## Built-in tools"
    yield ""
    needed: dict[str, Any] = {"files": {"root": str(HERE), "read_only": False}, "capability": "weather"}
    for name in BUILTINS:
        entry: Any = {name: needed[name]} if name in needed else name
        yield f"### {name}"
        yield ""
        for tool in resolve(entry, folder=HERE):
            about = tool.definition.description.partition("\n")[0]
            yield f"- `{tool.definition.name}` ({tool.effect or 'journals its own effects'}): {about}"
        yield ""


def _flows() -> Iterator[str]:
    yield "## Flow file"
    yield ""
    yield (
        "The file of a flow ends in `.flow.yaml` (or `.flow.toml`). In it `${…}` is an expression, and not a variable "
        "of the environment; [Flows](../guides/flows.md) explains both. `perdure schema flow` prints this as JSON "
        "Schema."
    )
    yield ""
    yield from _fields(FLOW)
    yield "### Steps"
    yield ""
    yield "A step has one of these keys, the keys that belong to it, and any of those below."
    yield ""
    yield "| key | what it does | keys beside it |"
    yield "| --- | --- | --- |"
    for key, kind in STEPS.items():
        beside = "; ".join(f"`{name}`: {field.about.rstrip('.')}" for name, field in kind.fields.items())
        yield f"| `{key}` | {_cell(kind.about)} | {_cell(beside)} |"
    yield ""
    for title, fields in (("Keys of every step", COMMON), ("wait", WAIT), *TOGETHER.items(), ("retry", RETRY)):
        yield f"### {title}"
        yield ""
        yield from _fields(fields)
    yield "### Functions"
    yield ""
    yield "Each is a filter too: `length(files)` is `files | length`."
    yield ""
    yield "| function | takes | gives |"
    yield "| --- | --- | --- |"
    for name, function in FUNCTIONS.items():
        takes = [str(wanted) for wanted in function.takes]
        for number in range(len(takes) - function.optional, len(takes)):
            takes[number] += "?"
        yield f"| `{name}` | {', '.join(takes)} | {_cell(function.about)} |"
    yield ""


def _fields(fields: dict[str, Field]) -> Iterator[str]:
    yield "| key | meaning |"
    yield "| --- | --- |"
    for name, field in fields.items():
        yield f"| `{name}`{' (required)' if field.required else ''} | {_cell(field.about)} |"
    yield ""


def python() -> Iterator[str]:
    yield from _head("Python", "The public names: `from perdure import …`.")
    for name in sorted(set(perdure.__all__) - {"__version__"}):
        found = getattr(perdure, name)
        yield f"## {name}"
        yield ""
        yield from _described(name, found)
        if inspect.isclass(found):
            for method, function in _methods(found):
                yield f"### {name}.{method}"
                yield ""
                yield from _described(method, function)


def cli() -> Iterator[str]:
    yield from _head(
        "Command line",
        "`perdure COMMAND --help` says the same. Answers go to standard output and everything else to standard error, "
        "so that output can be piped; progress, colour and hints are for terminals alone, and `NO_COLOR` is respected. "
        'With `--json` standard output holds exactly one value, also where it goes wrong: `{"error": {code, message, '
        "hint}}`. A run is named by its id, or by the beginning of one that no other has.",
    )
    yield "| exit code | meaning |"
    yield "| --- | --- |"
    for code, meaning in MEANINGS.items():
        yield f"| {code} | {meaning} |"
    yield ""
    for heading, entries in command_line.sections.items():
        yield f"## {heading}"
        yield ""
        for name in entries:
            yield from _command((name,), command_line)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "errors.md": errors,
    "files.md": files,
    "python.md": python,
    "cli.md": cli,
}


def page(name: str) -> str:
    """The text of a page, as it has to be."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(PAGES[name]())).rstrip() + "\n"


def _head(title: str, about: str) -> Iterator[str]:
    yield f"# {title}"
    yield ""
    yield "<!-- Written by docs/reference/generate.py. -->"
    yield ""
    yield about
    yield ""


# -- errors -----------------------------------------------------------------------------------------------------------


def _classes(cls: type[PerdureError]) -> Iterator[type[PerdureError]]:
    yield cls
    for sub in cls.__subclasses__():
        if sub.__module__ == "perdure.base.errors":
            yield from _classes(sub)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# -- files ------------------------------------------------------------------------------------------------------------


def _section(title: str, name: str, definitions: dict[str, Any]) -> Iterator[str]:
    definition = definitions[name]
    yield f"## {title}"
    yield ""
    yield definition.get("description", "")
    yield ""
    if not definition["properties"]:
        return
    yield "| key | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    required = definition.get("required", ())
    for key, value in definition["properties"].items():
        default = "required" if key in required else _default(value.get("default"))
        yield f"| `{key}` | {_cell(_kind(value))} | {_cell(default)} | {_cell(value.get('description', ''))} |"
    yield ""


def _default(value: Any) -> str:
    return "" if value in (None, "", {}, []) else f"`{msgspec.json.encode(value).decode()}`"


def _kind(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        if "errorMessage" in node:
            return str(node["errorMessage"]).removeprefix("expected ")
        shown = [_kind(branch) for branch in node["anyOf"] if branch.get("description") != _VARIABLE]
        return " or ".join(dict.fromkeys(kind for kind in shown if kind))
    if "$ref" in node:
        return str(node["$ref"]).rpartition("/")[2]
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("type") == "array":
        return f"list of {_kind(node['items'])}" if node.get("items") else "list"
    if node.get("type") == "object":
        inner = node.get("additionalProperties")
        return f"mapping to {_kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}.get(
        node.get("type", ""), "any"
    )


_VARIABLE = "Filled in from the environment."


def _target(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


# -- command line -----------------------------------------------------------------------------------------------------


def _command(path: tuple[str, ...], group: LazyGroup) -> Iterator[str]:
    command = group.get_command(click.Context(group), path[-1])
    assert command is not None
    ctx = click.Context(command, info_name=" ".join(("perdure", *path)))
    yield f"### {' '.join(path)}"
    yield ""
    yield f"```text\n{ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}\n```"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if isinstance(parameter, click.Option) and record is not None and "--help" not in parameter.opts:
            yield f"- `{record[0]}`: {record[1]}"
    yield ""
    if isinstance(command, LazyGroup):
        for name in command.table:
            yield from _command((*path, name), command)


# -- python -----------------------------------------------------------------------------------------------------------


def _methods(cls: type) -> Iterator[tuple[str, Any]]:
    bases = [base for base in reversed(cls.__mro__) if base.__module__.startswith("perdure.")]
    for name, value in {name: value for base in bases for name, value in vars(base).items()}.items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, (property, classmethod))):
            yield name, value


def _described(name: str, found: Any) -> Iterator[str]:
    function = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    if inspect.isclass(found) and issubclass(found, msgspec.Struct):
        fields = "\n".join(f"    {key}: {_type(type)}" for key, type in _annotations(found))
        yield f"```text\n{name}\n{fields}\n```" if fields else ""
    elif inspect.isfunction(function):
        prefix = "async " if inspect.iscoroutinefunction(function) else ""
        shown = re.sub(r"\((self|cls)[^,)]*(, )?", "(", str(inspect.signature(function)))
        shown = re.sub(r"(: |-> )'([^']*)'", r"\1\2", shown)
        shown = re.sub(r"<function \w+ at \w+>", "…", shown)
        is_value = isinstance(found, property)
        yield f"```text\n{name if is_value else prefix + name + shown}\n```"
    yield ""
    yield inspect.cleandoc(found.__doc__) if found.__doc__ and not found.__doc__.startswith(f"{name}(") else ""
    yield ""


def _annotations(cls: type) -> Iterator[tuple[str, Any]]:
    known = {key: type for base in reversed(cls.__mro__) for key, type in vars(base).get("__annotations__", {}).items()}
    for key in getattr(cls, "__struct_fields__", ()):
        yield key, known[key]


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return re.sub(r"Annotated\[(.*?), Meta\(.*", r"\1", text, flags=re.DOTALL).strip()


if __name__ == "__main__":
    for file in PAGES:
        (HERE / file).write_text(page(file), encoding="utf-8")
