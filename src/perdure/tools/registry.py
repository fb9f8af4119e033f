"""From what people write under `tools:` to tools: built-ins by name, functions by file or module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.errors import ConfigError, InputError, InvalidArguments, MissingDependency
from perdure.base.lazy import load
from perdure.base.nearest import nearest

from .function import FunctionTool
from .load import load_file
from .port import Tool
from .source import where

if TYPE_CHECKING:
    from .builtin.port import Builtin, Setting
    from .capability import Broker
    from .fetch.port import Fetch

SETTING = "perdure.tools.builtin.port:Setting"

BUILTINS: dict[str, str] = {
    "ask": "perdure.tools.builtin.ask:BUILTIN",
    "calculator": "perdure.tools.builtin.calculator:BUILTIN",
    "capability": "perdure.tools.builtin.capability:BUILTIN",
    "files": "perdure.tools.builtin.files:BUILTIN",
    "http": "perdure.tools.builtin.http:BUILTIN",
    "namespace": "perdure.tools.builtin.namespace:BUILTIN",
    "publish": "perdure.tools.builtin.publish:BUILTIN",
    "time": "perdure.tools.builtin.time:BUILTIN",
}
"""Built-ins by name; a module is imported when an agent first asks for it."""

_HINT = "Write a built-in's name, ./file.py:function, or package.module:function."


def resolve_all(
    entries: Iterable[Any], *, folder: Path, fetch: Fetch | None = None, broker: Callable[[], Broker] | None = None
) -> dict[str, Tool]:
    """The tools of all entries by name. Raises ConfigError where two have one name."""
    tools: dict[str, Tool] = {}
    for entry in entries:
        for tool in resolve(entry, folder=folder, fetch=fetch, broker=broker):
            name = tool.definition.name
            if name in tools:
                raise ConfigError(f"two tools are called {name}", hint="Give one of them another `name`.", tool=name)
            tools[name] = tool
    return tools


def resolve(
    entry: Any, *, folder: Path, fetch: Fetch | None = None, broker: Callable[[], Broker] | None = None
) -> tuple[Tool, ...]:
    """The tools that one entry stands for; some stand for several.

    An entry is a tool or function, a built-in's name, a mapping of one such name to its options, `./file.py:function`
    (relative to `folder`), or `package.module:function`. Raises ConfigError naming what is wrong with it.
    """

    def setting() -> Setting:
        made: Setting = load(SETTING)(folder, fetch, broker)
        return made

    if isinstance(entry, str):
        return (_function(entry, folder),) if ":" in entry else _builtin(entry, {}, setting)
    if isinstance(entry, Mapping):
        if len(entry) != 1:
            raise ConfigError(f"a tool is one name with its options, not {len(entry)}: {', '.join(map(str, entry))}")
        (name, options), *_ = entry.items()
        return _builtin(str(name), {} if options is None else options, setting)
    if callable(getattr(entry, "effect_of", None)):
        tool: Tool = entry
        return (tool,)
    if callable(entry):
        return (FunctionTool(entry),)
    raise ConfigError(f"not a tool: {entry!r}", hint=_HINT)


def _builtin(name: str, options: Any, setting: Callable[[], Setting]) -> tuple[Tool, ...]:
    if name not in BUILTINS:
        close = nearest(name, BUILTINS)
        meant = f"; did you mean {close}?" if close else f"; there are {', '.join(BUILTINS)}"
        raise ConfigError(f"there is no built-in tool {name}{meant}", hint=_HINT, tool=name)
    builtin: Builtin[Any] = load(BUILTINS[name])
    if not isinstance(options, Mapping):
        if not builtin.shorthand:
            raise ConfigError(f"{name} takes no options, {options!r} given", tool=name)
        options = {builtin.shorthand: options}
    try:
        return builtin.make(msgspec.convert(dict(options), builtin.options), setting())
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        known = ", ".join(builtin.options.__struct_fields__) or "none"
        raise ConfigError(
            f"{name}{path.rstrip('`')}: {what}", hint=f"The options of {name}: {known}.", tool=name
        ) from error
    except (InputError, InvalidArguments) as error:
        raise ConfigError(f"{name}: {error.message}", hint=error.hint or None, tool=name) from error


def _function(entry: str, folder: Path) -> Tool:
    place, _, name = entry.rpartition(":")
    if place.endswith(".py"):
        module = load_file(folder / Path(place).expanduser())
    else:
        module = _module(place)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if callable(getattr(found, "effect_of", None)):
        tool: Tool = found
        return tool
    if callable(found):
        return FunctionTool(found)
    known = [one for one, value in vars(module).items() if isinstance(value, FunctionTool)]
    close = nearest(name, known or vars(module))
    meant = f"; did you mean {close}?" if close else f"; its tools: {', '.join(known)}" if known else ""
    kind = "is not a function" if found is not None else "is not there"
    raise ConfigError(f"{entry}: {name} {kind}{meant}", tool=entry)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"there is no module {name}", hint=_HINT) from error
        raise MissingDependency(
            f"{name} needs {error.name}, which is not installed", hint=f"Install {error.name}."
        ) from error
    except (Exception, SystemExit) as error:
        place = where(error)
        said = f"{type(error).__name__}: {error}" + (f" (at {place})" if place else "")
        raise ConfigError(f"{name} cannot be imported: {said}", hint=_HINT) from error
