"""JSON Schema of a function's parameters, and their values made from what a model sent.

Types are msgspec's (https://jcristharif.com/msgspec/supported-types.html), `pathlib.Path`, and pydantic models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from perdure.base.errors import ConfigError, InvalidArguments
from perdure.base.nearest import nearest

from . import pydantic

_PREFIX = "#/$defs/"
_DATA = ("default", "enum", "const", "examples")
_DROPPED = ("$ref", "title", "discriminator")
_MISSING: Any = object()


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a tool. `default` is UNSET where there is none, so that the model must give a value."""

    name: str
    type: Any
    default: Any = msgspec.UNSET
    description: str = ""


def build_schema(tool: str, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The JSON Schema of type object for these parameters; definitions stand where they are used, unless recursive."""
    shared: dict[str, Any] = {}

    def foreign(type_: Any) -> dict[str, Any]:
        if type_ is Path:
            return {"type": "string", "format": "path"}
        if pydantic.is_model(type_):
            schema = pydantic.model_schema(type_)
            shared.update(schema.pop("$defs", {}))
            return schema
        raise NotImplementedError

    properties: dict[str, Any] = {}
    for parameter in parameters:
        try:
            (schema,), found = msgspec.json.schema_components(
                [parameter.type], schema_hook=foreign, ref_template=_PREFIX + "{name}"
            )
        except (TypeError, NotImplementedError) as error:
            raise ConfigError(
                f"tool {tool}: the parameter {parameter.name} has a type without a JSON Schema: {error}",
                hint="Use plain types, dataclasses, msgspec structs, TypedDicts, enums or pydantic models.",
            ) from error
        shared.update(found)
        properties[parameter.name] = _described(dict(schema), parameter)
    kept: dict[str, Any] = {}
    shape: dict[str, Any] = _inlined({"type": "object", "properties": properties}, shared, (), kept)
    required = [parameter.name for parameter in parameters if parameter.default is msgspec.UNSET]
    if required:
        shape["required"] = required
    shape["additionalProperties"] = False
    if kept:
        shape["$defs"] = kept
    return shape


def load_arguments(tool: str, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values to call with, for the parameters that were given. Raises InvalidArguments naming every problem.

    What a model commonly gets wrong is put right: `"3"` for 3, 3 for `"3"`, and JSON text for a list or an object.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for parameter in parameters:
        value = given.get(parameter.name, _MISSING)
        if value is _MISSING:
            if parameter.default is msgspec.UNSET:
                problems.append(f"{parameter.name}: missing, it is required")
            continue
        try:
            values[parameter.name] = msgspec.convert(value, parameter.type, dec_hook=_foreign)
        except msgspec.ValidationError:
            try:
                values[parameter.name] = _lenient(value, parameter.type)
            except msgspec.ValidationError as error:
                problems.append(_problem(parameter.name, value, error))
    if len(given) > len(values) or problems:
        known = tuple(parameter.name for parameter in parameters)
        problems.extend(_unknown(name, known) for name in given if name not in known)
    if problems:
        raise InvalidArguments(
            f"{tool} was called with wrong arguments. " + "; ".join(problems), tool=tool, problems=problems
        )
    return values


def _lenient(value: Any, type_: Any) -> Any:
    """The value read as it was probably meant. Raises ValidationError for the likeliest reading."""
    meant = value
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            meant = msgspec.json.decode(value)
        except msgspec.DecodeError:
            pass  # text after all
    try:
        return msgspec.convert(meant, type_, strict=False, dec_hook=_foreign)
    except msgspec.ValidationError:
        if not isinstance(value, int) or isinstance(value, bool):
            raise
    try:
        return msgspec.convert(str(value), type_, dec_hook=_foreign)
    except msgspec.ValidationError:
        return msgspec.convert(value, type_, dec_hook=_foreign)


def _foreign(type_: Any, value: Any) -> Any:
    if type_ is Path and isinstance(value, str):
        return Path(value)
    if pydantic.is_model(type_):
        return value if isinstance(value, type_) else pydantic.load_model(type_, value)
    raise ValueError(f"Expected `{getattr(type_, '__name__', type_)}`, got `{type(value).__name__}`")


def _problem(name: str, value: Any, error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `$")
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
    return f"{name}{where.rstrip('`')}: {what[:1].lower()}{what[1:]} ({name} was {shown})"


def _unknown(name: str, known: tuple[str, ...]) -> str:
    close = nearest(name, known)
    if close:
        return f"{name}: there is no such argument, did you mean {close}?"
    return f"{name}: there is no such argument" + (f", there are {', '.join(known)}" if known else "")


def _described(schema: dict[str, Any], parameter: Parameter) -> dict[str, Any]:
    said = parameter.description or _annotated(parameter.type)
    if said and ("description" not in schema or parameter.description):
        schema["description"] = said
    if parameter.default is not msgspec.UNSET and parameter.default is not None:
        try:
            schema["default"] = msgspec.json.decode(msgspec.json.encode(parameter.default))
        except (TypeError, ValueError, RecursionError):
            pass  # a default that has no JSON form is the function's own affair
    return schema


def _annotated(type_: Any) -> str:
    """`Annotated[int, "how many"]`, msgspec's Meta and pydantic's Field each can describe a parameter."""
    if get_origin(type_) is None or not hasattr(type_, "__metadata__"):
        return ""
    for extra in get_args(type_)[1:]:
        if isinstance(extra, str):
            return extra
        if isinstance(extra, msgspec.Meta) or pydantic.is_field(extra):
            return extra.description or ""
    return ""


def _inlined(node: Any, shared: dict[str, Any], open_: tuple[str, ...], kept: dict[str, Any]) -> Any:
    """`node` with references replaced by what they name, and without titles; what refers to itself goes to `kept`."""
    if isinstance(node, (list, tuple)):
        return [_inlined(one, shared, open_, kept) for one in node]
    if not isinstance(node, dict):
        return node
    rest: dict[str, Any] = {}
    for key, one in node.items():
        if key in _DATA:
            rest[key] = one
        elif key == "properties":
            rest[key] = {name: _inlined(schema, shared, open_, kept) for name, schema in one.items()}
        elif key not in _DROPPED:
            rest[key] = _inlined(one, shared, open_, kept)
    if "type" not in rest and "enum" in rest and all(isinstance(one, str) for one in rest["enum"]):
        rest["type"] = "string"
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return rest
    name = reference.removeprefix(_PREFIX)
    if name in open_ or name in kept:
        kept.setdefault(name, None)
        return {"$ref": reference, **rest}
    body = _inlined(shared[name], shared, (*open_, name), kept)
    if name in kept:
        kept[name] = body
        return {"$ref": reference, **rest}
    return {**body, **rest}
