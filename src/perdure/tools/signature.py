"""What a function asks for: arguments that a model gives, and what the runtime injects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from perdure.base.errors import ConfigError
from perdure.kernel.context import Context

from .docstring import parse_docstring
from .schema import Parameter
from .source import plain_function


class Signature(msgspec.Struct, frozen=True):
    """`parameters` are the model's to give; `key` and `ctx` name the parameters to inject, "" for none."""

    parameters: tuple[Parameter, ...]
    key: str
    ctx: str
    description: str


def read_signature(name: str, function: Callable[..., Any]) -> Signature:
    """Take a function's signature, annotations and docstring apart. Raises ConfigError for what a model cannot fill."""
    plain = plain_function(function)
    hints = _hints(name, plain)
    description, said = parse_docstring(plain.__doc__)
    parameters: list[Parameter] = []
    key = ctx = ""
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise ConfigError(f"tool {name}: the function has no signature", hint="Wrap it in one of your own.") from error
    for one in signature.parameters.values():
        type_ = hints.get(one.name, Any)
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY):
            raise ConfigError(
                f"tool {name}: the parameter {str(one).partition(':')[0]} cannot be described to a model",
                hint="Give each argument a name of its own that can be passed by keyword; no *args, **kwargs or /.",
            )
        if _is_context(type_) or (one.name == "ctx" and one.annotation is one.empty):
            ctx = one.name
        elif one.name == "key" and one.kind is one.KEYWORD_ONLY and type_ in (str, Any):
            key = one.name
        else:
            default = msgspec.UNSET if one.default is one.empty else one.default
            parameters.append(Parameter(one.name, type_, default, said.get(one.name, "")))
    return Signature(tuple(parameters), key, ctx, description)


def _is_context(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Context)


def _hints(name: str, plain: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(plain, include_extras=True)
    except NameError:
        # `if TYPE_CHECKING: from perdure import Context` is common, and no reason to refuse a tool.
        try:
            return get_type_hints(plain, localns={"Context": Context}, include_extras=True)
        except NameError as error:
            raise ConfigError(
                f"tool {name}: the annotation {error.name} is not defined when the program runs",
                hint="Import the type outside of `if TYPE_CHECKING:`.",
            ) from error
    except (TypeError, SyntaxError, AttributeError) as error:
        raise ConfigError(f"tool {name}: its annotations cannot be read: {error}") from error
