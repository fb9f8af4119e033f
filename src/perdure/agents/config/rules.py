"""What a schema cannot say of a file. Each rule looks at plain data that may be wrong in any way, and never trips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Literal, TypeAlias

from perdure.base.errors import InputError, InvalidPath
from perdure.base.lazy import load
from perdure.base.topic import check_pattern, is_topic
from perdure.compute.provider import PROVIDERS

from ..amounts import LEAST_EVERY_MS, Duration, decode_amount
from .problems import Finding, Path, guess
from .scalars import as_number
from .team_rules import team_findings

CHECK_PLACE = "perdure.agents.permissions:check_place"
PARSE = "perdure.namespace.path:parse"

_TOOL_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,63}"
_OBJECT = r"[^:\s][^:]*:[A-Za-z_][A-Za-z0-9_.]*"
_KINDS = ("topic", "schedule", "every", "webhook", "file")
_SOURCES = ("websocket", "schedule", "every", "file")
_JSON_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


Reach: TypeAlias = Mapping[str, bool]
"""Providers by name: whether it is known where each one is."""


def reach_of(settings: Mapping[str, Any]) -> Reach:
    """The providers that there are, with those that a project's `providers` add or say the address of."""
    known = {name: not provider.wire or bool(provider.base_url) for name, provider in PROVIDERS.items()}
    return known | {name: True for name, said in settings.items() if _mapping(said).get("base_url")}


def agent_findings(tree: dict[str, Any], reach: Reach | None) -> list[Finding]:
    """What is wrong with an agent. Where `reach` is None any provider passes."""
    return list(_agent(tree, reach))


def project_findings(tree: dict[str, Any]) -> list[Finding]:
    return list(_project(tree))


def _agent(tree: dict[str, Any], reach: Reach | None) -> Iterator[Finding]:
    model, handler = tree.get("model"), tree.get("class")
    if model is None and handler is None and tree.get("team") is None:
        yield Finding(("model",), "this key is required where there is no `class`, nor a default model of the project")
    yield from _model(model, ("model",), reach)
    if isinstance(handler, str) and not re.fullmatch(_OBJECT, handler):
        yield Finding(("class",), "expected ./file.py:Class or package.module:Class", shown=True)
    for index, entry in enumerate(_list(tree.get("tools"))):
        yield from _tool(entry, ("tools", index))
    for path, access in _mapping(tree.get("permissions")).items():
        yield from _permission(path, access, ("permissions", path), "key")
    for index, path in enumerate(_list(_mapping(tree.get("supervise")).get("demote"))):
        yield from _permission(path, "disabled", ("supervise", "demote", index), "value")
    output = tree.get("output")
    if isinstance(output, str) and not re.fullmatch(_OBJECT, output):
        yield Finding(("output",), "expected a JSON Schema or ./file.py:Type", shown=True)
    if isinstance(output, dict):
        yield from _json_schema(output, ("output",))
    yield from trigger_findings(tree.get("on"))
    yield from team_findings(tree)


def _permission(text: Any, access: Any, path: Path, at: Literal["key", "value"]) -> Iterator[Finding]:
    try:
        load(CHECK_PLACE)(load(PARSE)(str(text)), access)
    except (InvalidPath, InputError) as error:
        hint = f". {error.hint}" if isinstance(error, InputError) and "nothing was accepted" not in error.hint else ""
        yield Finding(path, error.message, at, hint=hint)


def _project(tree: dict[str, Any]) -> Iterator[Finding]:
    providers = _mapping(tree.get("providers"))
    reach = reach_of(providers)
    for name in providers:
        if name not in reach:
            what = "unknown provider, and without a base_url"
            yield Finding(("providers", name), what, "key", hint=guess(name, PROVIDERS))
    for name, price in _mapping(tree.get("prices")).items():
        yield from _price(price, ("prices", name))
        if "/" not in name:
            yield Finding(("prices", name), "expected provider/model, in quotes", "key")
    bus = _mapping(tree.get("bus"))
    for pattern in _mapping(bus.get("topics")):
        yield from _pattern(pattern, ("bus", "topics", pattern), "key")
    for name, source in _mapping(bus.get("sources")).items():
        yield from _topic(source, ("bus", "sources", name))
        yield from _origin(source, ("bus", "sources", name), "a source", _SOURCES)
    for name, webhook in _mapping(tree.get("webhooks")).items():
        yield from _topic(webhook, ("webhooks", name))
    store = _mapping(tree.get("store"))
    if "path" in store and "url" in store:
        yield Finding(("store", "url"), "a store has a path or a url, not both", "key")
    yield from _model(_mapping(tree.get("defaults")).get("model"), ("defaults", "model"), reach)


def _model(model: Any, path: Path, reach: Reach | None, asked: tuple[str, ...] = ()) -> Iterator[Finding]:
    """`asked` are the models that this one would step in for."""
    if isinstance(model, str):
        provider, slash, name = model.strip().partition("/")
        full_name = model.strip()
        if not (provider and slash and name):
            yield Finding(path, "expected provider/name, such as openai/gpt-5-mini", shown=True)
        else:
            yield from _short_provider(provider, path, reach)
    elif isinstance(model, dict):
        full_name = f"{model.get('provider')}/{model.get('name')}"
        yield from _long_provider(model, path, reach)
        yield from _ranges(model, path)
    else:
        return
    if full_name in asked:
        yield Finding(path, "this model is asked before already; it cannot fall back to itself")
        return
    for index, entry in enumerate(_list(model.get("fallback")) if isinstance(model, dict) else ()):
        yield from _model(entry, (*path, "fallback", index), reach, (*asked, full_name))


def _short_provider(provider: str, path: Path, reach: Reach | None) -> Iterator[Finding]:
    if reach is None or reach.get(provider):
        return
    if provider in reach:
        yield Finding(path, f"`{provider}` needs an address: {{provider: {provider}, name: …, base_url: …}}")
    else:
        yield Finding(path, "expected a known provider", shown=True, hint=guess(provider, reach))


def _long_provider(model: dict[str, Any], path: Path, reach: Reach | None) -> Iterator[Finding]:
    provider = model.get("provider")
    if not isinstance(provider, str) or reach is None or reach.get(provider):
        return
    if provider not in reach:
        yield Finding((*path, "provider"), "expected a known provider", shown=True, hint=guess(provider, reach))
    elif not model.get("base_url"):
        yield Finding((*path, "base_url"), f"this key is required for the provider `{provider}`")


def _ranges(model: dict[str, Any], path: Path) -> Iterator[Finding]:
    for key, least, most in (("temperature", 0, 2), ("top_p", 0, 1), ("max_tokens", 1, 10_000_000)):
        value = as_number(model.get(key))
        if isinstance(value, int | float) and not least <= value <= most:
            yield Finding((*path, key), f"expected {least} to {most:,}", shown=True)
    timeout = model.get("timeout")
    if isinstance(timeout, str | int | float) and not _lasts(timeout):
        yield Finding((*path, "timeout"), "expected a duration such as 500ms, 10s or 2m", shown=True)
    yield from _price(model.get("price"), (*path, "price"))


def _price(price: Any, path: Path) -> Iterator[Finding]:
    for key, value in _mapping(price).items():
        number = as_number(value)
        if isinstance(number, int | float) and not 0 <= number < 1e9:
            yield Finding((*path, key), "expected dollars per million tokens, 0 or more", shown=True)


def _lasts(timeout: str | int | float) -> bool:
    try:
        return bool(decode_amount(Duration, timeout))
    except ValueError:
        return False


def _is_shorter(every: str | int | float, least: int) -> bool:
    try:
        return bool(decode_amount(Duration, every) < least)
    except ValueError:
        return False  # it is no duration: the schema says so


def _tool(entry: Any, path: Path) -> Iterator[Finding]:
    if isinstance(entry, dict):
        if len(entry) != 1:
            yield Finding(path, f"expected one name with its options, found {len(entry)} keys")
            return
        entry = next(iter(entry))
    if isinstance(entry, str) and not (re.fullmatch(_TOOL_NAME, entry) or re.fullmatch(_OBJECT, entry)):
        what = "expected a tool's name, ./file.py:function or package.module:function"
        yield Finding(path, what, shown=True)


def trigger_findings(entries: Any) -> Iterator[Finding]:
    """What is wrong with the entries of `on`."""
    for index, entry in enumerate(_list(entries)):
        yield from _trigger(entry, ("on", index))


def _trigger(entry: Any, path: Path) -> Iterator[Finding]:
    yield from _origin(entry, path, "a trigger", _KINDS)
    if isinstance(_mapping(entry).get("topic"), str):
        yield from _pattern(entry["topic"], (*path, "topic"), "value")


def _topic(said: Any, path: Path) -> Iterator[Finding]:
    topic = _mapping(said).get("topic")
    if isinstance(topic, str) and not is_topic(topic):
        yield Finding((*path, "topic"), "expected a topic, such as market.price", shown=True)


def _origin(entry: Any, path: Path, what: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with where something comes from: one of the `kinds`, which is a time or a pattern of files."""
    if not isinstance(entry, dict):
        return
    said = [kind for kind in kinds if entry.get(kind) is not None]
    if len(said) != 1:
        yield Finding(path, f"{what} has exactly one of {', '.join(kinds)}; found {' and '.join(said) or 'none'}")
    schedule, zone, every = entry.get("schedule"), entry.get("timezone"), entry.get("every")
    cron = import_module("perdure.agents.cron") if schedule or zone else None
    if cron is not None and isinstance(schedule, str) and (problem := cron.problem_of(schedule)) is not None:
        yield Finding((*path, "schedule"), f"expected {problem}", shown=True)
    if cron is not None and isinstance(zone, str) and not cron.is_zone(zone):
        what = "expected a time zone of the IANA database, such as Europe/Zurich"
        yield Finding((*path, "timezone"), what, shown=True)
    file = entry.get("file")
    if isinstance(file, str) and (not file.strip() or file.startswith(("/", "~")) or ".." in file.split("/")):
        yield Finding((*path, "file"), "expected a pattern below this file's folder, such as inbox/*.csv", shown=True)
    if isinstance(every, str | int | float) and not isinstance(every, bool) and _is_shorter(every, LEAST_EVERY_MS):
        yield Finding((*path, "every"), "expected a second or longer", shown=True)


def _pattern(text: Any, path: Path, at: Literal["key", "value"]) -> Iterator[Finding]:
    try:
        check_pattern(str(text))
    except InputError as error:
        yield Finding(path, error.message, at, hint=f". {error.hint}")


def _json_schema(schema: dict[str, Any], path: Path) -> Iterator[Finding]:
    kind = schema.get("type")
    if isinstance(kind, str) and kind not in _JSON_TYPES:
        yield Finding((*path, "type"), "expected a type of JSON Schema", shown=True, hint=guess(kind, _JSON_TYPES))
    for name, inner in _mapping(schema.get("properties")).items():
        if isinstance(inner, dict):
            yield from _json_schema(inner, (*path, "properties", name))
        elif not isinstance(inner, bool):
            yield Finding((*path, "properties", name), "expected a JSON Schema: a mapping")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
