"""Which tool fits what a person said: one rule a kind of wish, and one for tools that no rule knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from perdure.base.messages import ToolDefinition

Arguments = dict[str, Any]


class Rule(msgspec.Struct, frozen=True):
    """`tools` are names that fit, or words of them; `read` finds what is wanted in a text, None where nothing is.

    It is given to the tool as the first of `fields` that it has; "" is left out where the tool can do without.
    """

    can: str
    tools: tuple[str, ...]
    fields: tuple[str, ...]
    read: Callable[[str], str | None]
    operation: str = ""


class Wish(msgspec.Struct, frozen=True):
    tool: str
    arguments: Arguments


def wishes(said: str, tools: Sequence[ToolDefinition]) -> Iterator[Wish]:
    """The calls that answer what was said, in the order of the rules, each tool once."""
    used: set[str] = set()
    for rule in RULES:
        wanted = rule.read(said)
        tool = _tool_for(rule, tools) if wanted is not None else None
        if tool is not None and wanted is not None and tool.name not in used:
            used.add(tool.name)
            yield Wish(tool.name, _arguments(rule, tool, wanted))
    if not used:
        yield from _by_name(said, tools)


def abilities(tools: Sequence[ToolDefinition]) -> list[str]:
    """What could be done with these tools, in words."""
    known = {tool.name: rule.can for rule in reversed(RULES) if (tool := _tool_for(rule, tools))}
    return [f"{known[tool.name]} ({tool.name})" if tool.name in known else f"call {tool.name}" for tool in tools]


# -- what a person may want -------------------------------------------------------------------------------------------

_WORDS = {
    r"\bplus\b": "+",
    r"\bminus\b": "-",
    r"\b(?:times|multiplied by)\b": "*",
    r"\b(?:divided by|over)\b": "/",
    r"\b(?:to the power of)\b": "^",
    r"(\d)\s*%\s*of\b": r"\1/100*",
}
_FUNCTION = r"(?:sqrt|sin|cos|tan|log|ln|exp|abs|round|min|max|floor|ceil|factorial)"
_NUMBER = r"(?:\d[\d_]*(?:,\d{3})*(?:\.\d+)?%?|\.\d+|pi)"
_EXPRESSION = re.compile(rf"(?:{_FUNCTION}\s*\(|[-(\s]|{_NUMBER}|\*\*|//|[+*/^×÷,)])+")
_URL = re.compile(r"https?://[^\s\"'<>)\]]+")
_PATH = re.compile(r"(?<![\w:/])((?:[\w.-]+/)*[\w-]+\.[A-Za-z]\w{0,5}|(?:[\w.-]+/)+[\w.-]*)(?![\w/])")
_QUOTED = re.compile(r"[\"“'‘]([^\"”'’]+)[\"”'’]")


def read_expression(said: str) -> str | None:
    """The longest piece of arithmetic in the text: it has a number, and an operator or a function."""
    text = _URL.sub(" ", said)
    for word, sign in _WORDS.items():
        text = re.sub(word, sign, text, flags=re.IGNORECASE)
    found = [_trimmed(piece) for piece in _EXPRESSION.findall(text)]
    sums = [
        piece
        for piece in found
        if re.search(_FUNCTION + r"\s*\(\s*[\d.-]", piece) or re.search(r"[\d)%]\s*[-+*/^×÷]+\s*[\d(.sp-]", piece)
    ]
    dates = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
    return max((piece for piece in sums if not dates.fullmatch(piece)), key=len, default=None)


def _trimmed(piece: str) -> str:
    piece = re.sub(r"^[\s,)+*/^×÷]+|[\s,(+*/^×÷-]+$", "", piece)
    return piece + ")" * (piece.count("(") - piece.count(")"))


def _read_url(said: str) -> str | None:
    match = _URL.search(said)
    return match[0].rstrip(".,;:!?") if match else None


def _read_time(said: str) -> str | None:
    asked = re.search(
        r"\b(what time|current (?:time|date)|time is it|today'?s date|what day|the (?:time|date) now)\b", said, re.I
    )
    return "" if asked else None


def _read_listing(said: str) -> str | None:
    match = re.search(
        r"\b(?:list|show|which)\b.{0,30}\b(?:files|folders?|director(?:y|ies))\b(?:.*?\bin\s+(\S+))?", said, re.I
    )
    return (match[1] or "").rstrip(".,;:!?") if match else None


def _read_search(said: str) -> str | None:
    match = re.search(r"\b(?:search|grep|look)\b.{0,40}?\bfor\s+(?:[\"“']([^\"”']+)|(\S+))", said, re.I)
    return (match[1] or match[2]).rstrip(".,;:!?") if match else None


def _read_file(said: str) -> str | None:
    match = _PATH.search(_URL.sub(" ", said))
    if match:
        return match[1]
    named = re.search(r"\b(?:read|open|cat)\s+(?:the\s+)?(?:file\s+)?[\"“'‘]?([\w./-]+)", said, re.I)
    return named[1].rstrip(".") if named else None


def _read_question(said: str) -> str | None:
    match = re.search(
        r"\b(?:ask|remind)\s+(?:me|us|him|her|them|someone|(?:the|a)\s+\w+)\s*(?:to|about|if|whether|:|,)?\s*(.+)",
        said,
        re.I,
    )
    return match[1].strip() if match else None


RULES: tuple[Rule, ...] = (
    Rule("do arithmetic", ("calculator", "calc"), ("expression", "input", "query"), read_expression),
    Rule("fetch a web page", ("http", "fetch", "web"), ("url",), _read_url),
    Rule("tell the time", ("time", "clock", "now"), (), _read_time),
    Rule("list files", ("files_list", "list_files", "files"), ("path", "folder", "pattern"), _read_listing, "list"),
    Rule("search files", ("files_search", "search", "files"), ("query", "pattern", "text"), _read_search, "search"),
    Rule("read a file", ("files_read", "read_file", "files"), ("path", "file", "name"), _read_file, "read"),
    Rule("ask a person", ("ask", "remind"), ("question", "text", "message"), _read_question),
)


def _tool_for(rule: Rule, tools: Sequence[ToolDefinition]) -> ToolDefinition | None:
    for word in rule.tools:
        for tool in tools:
            name = tool.name.lower()
            if name == word or (word in name.split("_") and word != "files"):
                return tool
    return None


def _arguments(rule: Rule, tool: ToolDefinition, wanted: str) -> Arguments:
    fields = _fields(tool)
    arguments: Arguments = {}
    name = next((field for field in rule.fields if field in fields), None)
    if name is not None and (wanted or name in _required(tool)):
        arguments[name] = wanted or "."
    elif (
        name is None
        and rule.fields
        and (texts := [field for field, schema in fields.items() if schema.get("type") == "string"])
    ):
        arguments[texts[0]] = wanted
    if "operation" in fields and rule.operation:
        arguments["operation"] = rule.operation
    if "method" in _required(tool):
        arguments["method"] = "GET"
    return arguments


# -- tools that no rule knows -----------------------------------------------------------------------------------------

_IGNORED = {"get", "set", "the", "and", "for", "tool", "of", "a", "to", "is", "in", "me", "my"}


def _by_name(said: str, tools: Sequence[ToolDefinition]) -> Iterator[Wish]:
    """The tool whose name shares most words with the text, if the text also holds what it requires."""
    words = {_stem(word) for word in re.findall(r"[a-z]+", said.lower())} - _IGNORED
    shared = [(len(words & {_stem(word) for word in re.split(r"[\W_]+", tool.name.lower())}), tool) for tool in tools]
    count, tool = max(shared, key=lambda entry: entry[0], default=(0, None))
    arguments = _found(said, tool) if tool is not None and count else None
    if tool is not None and arguments is not None:
        yield Wish(tool.name, arguments)


def _found(said: str, tool: ToolDefinition) -> Arguments | None:
    """A value from the text for each required argument; None where one cannot be found."""
    quoted = _QUOTED.findall(said)
    unquoted = _QUOTED.sub(" ", said)
    numbers = re.findall(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w.]*\w)", unquoted)
    codes = re.findall(r"(?<![\w#-])#?((?:[A-Za-z]+-?)?\d[\w-]*)", unquoted)
    arguments: Arguments = {}
    for field in _required(tool):
        kind = _fields(tool).get(field, {}).get("type", "string")
        source = {"string": quoted or codes, "integer": numbers, "number": numbers}.get(kind, [])
        if not source:
            return None
        text = source.pop(0)
        arguments[field] = text if kind == "string" else int(text) if text.lstrip("-").isdigit() else float(text)
    return arguments


def _fields(tool: ToolDefinition) -> Mapping[str, dict[str, Any]]:
    fields: Mapping[str, dict[str, Any]] = tool.parameters.get("properties", {})
    return fields


def _required(tool: ToolDefinition) -> Sequence[str]:
    required: Sequence[str] = tool.parameters.get("required", ())
    return required


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
