"""The functions of expressions, which are its filters too: `length(files)` is `files | length`.

Each is a row of a table: what it takes, what it gives, what it does. All of them are pure; those whose results can be
large ask a meter first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ..types import ANY, BOOLEAN, INTEGER, NUMBER, TEXT, Type, list_of, union
from .meter import Fault, Meter
from .values import as_text, is_number, kind_of, number, read_json, show, write_json

LIST = Type("list")
MAPPING = Type("mapping")
Gives: TypeAlias = Callable[[tuple[Type, ...]], Type]


class Function(msgspec.Struct, frozen=True):
    """`takes` are the kinds of its arguments, of which the last `optional` ones may be left out."""

    takes: tuple[Type, ...]
    gives: Type | Gives
    run: Callable[..., Any]
    about: str
    optional: int = 0

    def result(self, given: tuple[Type, ...]) -> Type:
        return self.gives if isinstance(self.gives, Type) else self.gives(given)


def _item(given: tuple[Type, ...]) -> Type:
    return given[0].item or ANY


def _same(given: tuple[Type, ...]) -> Type:
    return given[0]


def _texts(_: tuple[Type, ...]) -> Type:
    return list_of(TEXT)


def _trim(meter: Meter, text: str) -> str:
    return text.strip()


def _truncate(meter: Meter, text: str, length: int) -> str:
    if length < 0:
        raise Fault("`truncate` needs a length of 0 or more")
    return text if len(text) <= length else text[: max(0, length - 1)] + "…" if length else ""


def _replace(meter: Meter, text: str, old: str, new: str) -> str:
    if not old:
        raise Fault("`replace` needs a text to look for")
    meter.text(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _split(meter: Meter, text: str, at: str = "") -> list[str]:
    meter.list(text.count(at) + 1 if at else len(text) // 2 + 1)
    return text.split(at) if at else text.split()


def _lines(meter: Meter, text: str) -> list[str]:
    meter.list(text.count("\n") + 1)
    return text.splitlines()


def _length(meter: Meter, value: Any) -> int:
    if not isinstance(value, (str, list, dict)):
        raise Fault(f"{kind_of(value)} has no length")
    return len(value)


def _text(meter: Meter, value: Any) -> str:
    return as_text(value, meter)


def _json(meter: Meter, value: Any) -> str:
    meter.weigh(value)
    return write_json(value)


def _parse_json(meter: Meter, text: str) -> Any:
    meter.text(len(text))
    return read_json(text)


def _as_number(meter: Meter, value: Any) -> int | float:
    return number(value)


def _as_integer(meter: Meter, value: Any) -> int:
    return int(number(value))


def _round(meter: Meter, value: int | float, digits: int = 0) -> int | float:
    if not 0 <= digits <= 15:
        raise Fault("`round` takes 0 to 15 digits")
    return round(value, digits) if digits else round(value)


def _first(meter: Meter, items: list[Any]) -> Any:
    if not items:
        raise Fault("the list is empty", missing=True)
    return items[0]


def _last(meter: Meter, items: list[Any]) -> Any:
    if not items:
        raise Fault("the list is empty", missing=True)
    return items[-1]


def _slice(meter: Meter, items: Any, start: int, end: int | None = None) -> Any:
    meter.work(len(items))
    return items[start:end]


def _join(meter: Meter, items: list[Any], between: str = "") -> str:
    meter.list(len(items))
    texts = [as_text(item, meter) for item in items]
    meter.text(sum(map(len, texts)) + len(between) * max(0, len(texts) - 1))
    return between.join(texts)


def _reverse(meter: Meter, items: list[Any]) -> list[Any]:
    meter.list(len(items))
    return items[::-1]


def _sort(meter: Meter, items: list[Any], field: str = "") -> list[Any]:
    meter.list(len(items))
    keys = [_field(item, field) for item in items] if field else items
    if not (all(is_number(key) for key in keys) or all(isinstance(key, str) for key in keys)):
        raise Fault("only numbers can be sorted, or texts, and not a mixture")
    return [items[place] for place in sorted(range(len(items)), key=keys.__getitem__)]


def _unique(meter: Meter, items: list[Any]) -> list[Any]:
    meter.list(len(items))
    meter.weigh(items)
    return list({write_json(item): item for item in reversed(items)}.values())[::-1]


def _sum(meter: Meter, items: list[Any]) -> int | float:
    meter.list(len(items))
    return number(sum(_numbers(items, "sum")))


def _average(meter: Meter, items: list[Any]) -> float:
    return float(_sum(meter, items)) / len(_some(items, "average"))


def _least(meter: Meter, items: list[Any]) -> int | float:
    return number(min(_numbers(_some(items, "min"), "min")))


def _most(meter: Meter, items: list[Any]) -> int | float:
    return number(max(_numbers(_some(items, "max"), "max")))


def _some(items: list[Any], name: str) -> list[Any]:
    if not items:
        raise Fault(f"`{name}` of an empty list", missing=True)
    return items


def _numbers(items: list[Any], name: str) -> list[Any]:
    odd = next((item for item in items if not is_number(item)), None)
    if odd is not None or None in items:
        raise Fault(f"`{name}` needs a list of numbers, found {kind_of(odd)} in it")
    return items


def _flatten(meter: Meter, items: list[Any]) -> list[Any]:
    meter.list(sum(len(item) if isinstance(item, list) else 1 for item in items))
    return [inner for item in items for inner in (item if isinstance(item, list) else [item])]


def _chunks(meter: Meter, items: list[Any], size: int) -> list[Any]:
    if size < 1:
        raise Fault("`chunks` needs a size of 1 or more")
    meter.list(len(items))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _pluck(meter: Meter, items: list[Any], field: str) -> list[Any]:
    meter.list(len(items))
    return [_field(item, field) for item in items]


def _where(meter: Meter, items: list[Any], field: str, value: Any = True) -> list[Any]:
    meter.list(len(items))
    return [item for item in items if isinstance(item, dict) and _equal(item.get(field), value, meter)]


def _equal(left: Any, right: Any, meter: Meter) -> bool:
    meter.weigh(right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _field(item: Any, name: str) -> Any:
    if not isinstance(item, dict):
        raise Fault(f"{kind_of(item)} has no field `{name}`")
    if name not in item:
        raise Fault(f"there is no `{name}` in {show(item)}", missing=True)
    return item[name]


def _range(meter: Meter, first: int, end: int | None = None) -> list[int]:
    numbers = range(first) if end is None else range(first, end)
    meter.list(len(numbers))
    return list(numbers)


def _keys(meter: Meter, fields: dict[str, Any]) -> list[str]:
    meter.list(len(fields))
    return list(fields)


def _values(meter: Meter, fields: dict[str, Any]) -> list[Any]:
    meter.list(len(fields))
    return list(fields.values())


def _entries(meter: Meter, fields: dict[str, Any]) -> list[Any]:
    meter.list(2 * len(fields))
    return [{"key": key, "value": value} for key, value in fields.items()]


def _merge(meter: Meter, fields: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    meter.list(len(fields) + len(more))
    return {**fields, **more}


def _present(meter: Meter, items: list[Any]) -> list[Any]:
    meter.list(len(items))
    return [item for item in items if item is not None]


_CASE = (TEXT,)
FUNCTIONS: dict[str, Function] = {
    "upper": Function(_CASE, TEXT, lambda meter, text: text.upper(), "The text in capitals."),
    "lower": Function(_CASE, TEXT, lambda meter, text: text.lower(), "The text in small letters."),
    "title": Function(_CASE, TEXT, lambda meter, text: text.title(), "The text with a capital on each word."),
    "trim": Function(_CASE, TEXT, _trim, "The text without spaces and line breaks around it."),
    "truncate": Function((TEXT, INTEGER), TEXT, _truncate, "At most so many characters, `…` at the end of a cut."),
    "replace": Function((TEXT, TEXT, TEXT), TEXT, _replace, "The text with each `old` replaced by `new`."),
    "split": Function((TEXT, TEXT), _texts, _split, "The parts of a text between a text; its words without one.", 1),
    "lines": Function(_CASE, _texts, _lines, "The lines of a text."),
    "starts_with": Function((TEXT, TEXT), BOOLEAN, lambda meter, text, start: text.startswith(start), "Whether so."),
    "ends_with": Function((TEXT, TEXT), BOOLEAN, lambda meter, text, end: text.endswith(end), "Whether so."),
    "length": Function((ANY,), INTEGER, _length, "How many characters, items or fields there are."),
    "text": Function((ANY,), TEXT, _text, "Anything as text; lists and mappings as JSON."),
    "json": Function((ANY,), TEXT, _json, "Anything as JSON."),
    "parse_json": Function(_CASE, ANY, _parse_json, "What a text of JSON says."),
    "number": Function((ANY,), NUMBER, _as_number, "The number that a text says."),
    "integer": Function((ANY,), INTEGER, _as_integer, "The number without its fraction."),
    "round": Function((NUMBER, INTEGER), NUMBER, _round, "The number rounded to so many digits, none where absent.", 1),
    "abs": Function((NUMBER,), _same, lambda meter, value: abs(value), "The number without its sign."),
    "first": Function((LIST,), _item, _first, "The first item."),
    "last": Function((LIST,), _item, _last, "The last item."),
    "slice": Function((LIST, INTEGER, INTEGER), _same, _slice, "Items from a place, up to another.", 1),
    "join": Function((LIST, TEXT), TEXT, _join, "The items as one text, with a text between them.", 1),
    "reverse": Function((LIST,), _same, _reverse, "The last item first."),
    "sort": Function((LIST, TEXT), _same, _sort, "The items from small to large, by a field where one is named.", 1),
    "unique": Function((LIST,), _same, _unique, "Each item once."),
    "present": Function((LIST,), _same, _present, "The items that are not null."),
    "flatten": Function((LIST,), LIST, _flatten, "The items of the lists in a list."),
    "chunks": Function((LIST, INTEGER), lambda given: list_of(given[0]), _chunks, "Lists of so many items each."),
    "pluck": Function((LIST, TEXT), LIST, _pluck, "One field of each item."),
    "where": Function((LIST, TEXT, ANY), _same, _where, "The items whose field has a value, true where absent.", 1),
    "sum": Function((LIST,), NUMBER, _sum, "The sum of numbers."),
    "average": Function((LIST,), NUMBER, _average, "The average of numbers."),
    "min": Function((LIST,), NUMBER, _least, "The smallest of numbers."),
    "max": Function((LIST,), NUMBER, _most, "The largest of numbers."),
    "range": Function((INTEGER, INTEGER), lambda _: list_of(INTEGER), _range, "Whole numbers from 0, or from one.", 1),
    "keys": Function((MAPPING,), _texts, _keys, "The names of the fields."),
    "values": Function((MAPPING,), LIST, _values, "The values of the fields."),
    "entries": Function((MAPPING,), LIST, _entries, "The fields as a list of `{key, value}`."),
    "merge": Function((MAPPING, MAPPING), MAPPING, _merge, "Both mappings in one; the second goes before the first."),
    "default": Function(
        (ANY, ANY), lambda given: union(given[0], given[1]), lambda meter, value, other: other, "The same as `??`."
    ),
}
