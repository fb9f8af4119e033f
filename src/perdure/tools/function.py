"""`@tool`: a typed Python function as something that a model can call."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, overload

from perdure.base.duration import parse_duration, show_duration
from perdure.base.errors import ConfigError, PerdureError, ToolError, ToolTimeout
from perdure.base.lazy import load
from perdure.base.messages import ToolDefinition
from perdure.kernel.classes import EFFECT_CLASSES, EffectClass
from perdure.kernel.context import Context

from .limit import Limit
from .port import NotDone, Probe, ToolOutput, Unsure
from .result import to_output
from .schema import build_schema, load_arguments
from .signature import read_signature
from .source import plain_function, source_digest, where

P = ParamSpec("P")
R = TypeVar("R")

THREADS = "perdure.tools.threads:THREADS"
DEFAULT_TIMEOUT = "5m"
"""A tool that is given no timeout of its own; `timeout=None` is for one that may take for ever."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class FunctionTool(Generic[P, R]):
    """A function with its schema, effect class and timeout. Calling it calls the function, as if it were not there."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str = "",
        description: str = "",
        effect: EffectClass | None = None,
        timeout: str | float | None = DEFAULT_TIMEOUT,
        reconcile: Callable[..., Any] | None = None,
        builtin: bool = False,
    ) -> None:
        plain = plain_function(function)
        name = name or plain.__name__
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"not a name for a tool: {name}", hint="Use up to 64 letters, digits, underscores and hyphens."
            )
        if inspect.isasyncgenfunction(plain) or inspect.isgeneratorfunction(plain):
            raise ConfigError(f"tool {name}: a generator cannot be a tool", hint="Return the whole result at once.")
        self.function = function
        self.signature = read_signature(name, function)
        self.definition = ToolDefinition(
            name, description or self.signature.description or name, build_schema(name, self.signature.parameters)
        )
        self.effect = _class(name, effect, reconcile, takes_ctx=bool(self.signature.ctx))
        # A tool that journals its own effects may wait for days; what it does has timeouts of its own.
        self.timeout_ms = None if timeout is None or self.effect is None else parse_duration(timeout)
        self.source_digest = "" if builtin else source_digest(function)
        self.load = partial(load_arguments, self.definition.name, self.signature.parameters)
        """The arguments as the function gets them. Raises InvalidArguments naming every problem."""
        self._async = inspect.iscoroutinefunction(plain)
        self._probe = None if reconcile is None else _Probe(reconcile)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.definition.name}>"

    def check(self, arguments: Mapping[str, Any]) -> None:
        self.load(arguments)

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        return self.effect

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        values = self.load(arguments)
        if self.signature.key:
            values[self.signature.key] = key
        if self.signature.ctx:
            values[self.signature.ctx] = ctx
        return to_output(await self._run(self.function, self._async, values))

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        if self._probe is None:
            return Unsure()
        # The probe is told everything that the call was: defaults too, which the model left out.
        defaults = {one.name: one.default for one in self.signature.parameters}
        values = self._probe.wanted({**defaults, **self.load(arguments), "key": key, "ctx": ctx})
        found = await self._run(self._probe.function, self._probe.is_async, values)
        return found if isinstance(found, (NotDone, Unsure)) else to_output(found)

    async def _run(self, function: Callable[..., Any], is_async: bool, values: dict[str, Any]) -> Any:
        name, is_late = self.definition.name, False
        limit = None if self.timeout_ms is None else Limit(self.timeout_ms)
        try:
            try:
                if is_async:
                    return await function(**values)
                result = await load(THREADS).run(partial(function, **values))
                return await result if inspect.isawaitable(result) else result
            finally:
                is_late = limit is not None and limit.end()
        except PerdureError:
            raise
        except asyncio.CancelledError as error:
            if not is_late:
                raise
            assert self.timeout_ms is not None
            late = f"{name} took longer than {show_duration(self.timeout_ms)}"
            raise ToolTimeout(late, tool=name, timeout_ms=self.timeout_ms) from error
        except (Exception, SystemExit) as error:
            code = getattr(plain_function(function), "__code__", None)
            place = where(error, code.co_filename) if code is not None else ""
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ToolError(f"{name} raised {said}" + (f" (at {place})" if place else ""), tool=name) from error


class _Probe:
    """A `reconcile` function, which takes those of the call's arguments that it names."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.is_async = inspect.iscoroutinefunction(plain_function(function))
        parameters = inspect.signature(function).parameters.values()
        self._names = frozenset(one.name for one in parameters)
        self._all = any(one.kind is one.VAR_KEYWORD for one in parameters)

    def wanted(self, values: dict[str, Any]) -> dict[str, Any]:
        return values if self._all else {name: value for name, value in values.items() if name in self._names}


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    name: str = "",
    description: str = "",
    effect: EffectClass | None = None,
    timeout: str | float | None = DEFAULT_TIMEOUT,
    reconcile: Callable[..., Any] | None = None,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    description: str = "",
    effect: EffectClass | None = None,
    timeout: str | float | None = DEFAULT_TIMEOUT,
    reconcile: Callable[..., Any] | None = None,
) -> Any:
    """Make a tool of a typed function, sync (it runs in a thread) or async.

    `effect` says what a crash in the middle means (see EffectClass): `once` if not given, `checkable` with `reconcile`,
    a function that is told the arguments and the key and returns the result, NotDone() or Unsure(). `timeout` is a
    duration such as `"10s"`, or seconds. A keyword-only parameter `key: str` gets the idempotency key and one of type
    Context the run's context; such a function journals its own effects unless it states one. Name and description come
    from the function and its docstring. Raises ConfigError for a function that cannot be described to a model.
    """

    def wrap(function: Callable[..., Any]) -> FunctionTool[..., Any]:
        return FunctionTool(
            function, name=name, description=description, effect=effect, timeout=timeout, reconcile=reconcile
        )

    return wrap if function is None else wrap(function)


def _class(
    name: str, effect: EffectClass | None, reconcile: Callable[..., Any] | None, *, takes_ctx: bool
) -> EffectClass | None:
    if effect is not None and effect not in EFFECT_CLASSES:
        raise ConfigError(f"tool {name}: there is no effect class {effect}", hint=f"Use {', '.join(EFFECT_CLASSES)}.")
    probed = reconcile is not None
    if (effect == "checkable" and not probed) or (probed and effect not in (None, "checkable")):
        raise ConfigError(
            f"tool {name}: `checkable` and a `reconcile` function belong together",
            hint="Give reconcile=…, or another effect class.",
        )
    if probed:
        return "checkable"
    return effect or (None if takes_ctx else "once")
