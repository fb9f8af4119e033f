"""What expressions give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import ExpressionFailed
from perdure.flows.expressions.evaluate import truth
from perdure.flows.expressions.functions import FUNCTIONS
from perdure.flows.expressions.tree import Node

Value = Callable[..., Any]
Compiled = Callable[[Any], Node]


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("${topic}", "Cats"),
        ("${count}", 3),
        ("About ${topic}, ${count} of them", "About Cats, 3 of them"),
        ("${tags} and ${nothing}.", '["b","a","b"] and .'),
        ("costs $5", "costs $5"),
        ("$${topic}", "${topic}"),
        ("$${topic} is ${topic}", "${topic} is Cats"),
        ({"to": "${topic}", "n": 1, "all": ["${count}", "x"]}, {"to": "Cats", "n": 1, "all": [3, "x"]}),
        ("${1 + 2 * 3}", 7),
        ("${(1 + 2) * 3}", 9),
        ("${-count + 1}", -2),
        ("${7 // 2 + 7 % 2 + 7 / 2}", 7.5),
        ("${'a' + \"b\"}", "ab"),
        ("${'it\\'s \\n'}", "it's \n"),
        ("${[1] + [2, 3,]}", [1, 2, 3]),
        ("${ {a: 1, 'b c': [count]} }", {"a": 1, "b c": [3]}),
        ("${'}'}", "}"),
        ("${order.lines[0].product}", "lamp"),
        ("${order['id']}", "A-1"),
        ("${order.lines[-1].cents / 100 | round(1)}", 42.9),
        ("${count > 2 and not ready or count == 3}", True),
        ("${'a' in tags and 'c' not in tags and 'id' in order and 'at' in topic}", True),
        ("${1 == 1.0}", True),
        ("${1 == true or 0 == false}", False),
        ("${[1, {a: 2}] == [1, {a: 2}]}", True),
        ("${nothing ?? 'x'}", "x"),
        ("${order.colour.name ?? 'grey'}", "grey"),
        ("${order.lines[7] ?? 'none'}", "none"),
        ("${unknown ?? 1}", 1),
        ("${count ?? 1 + 1}", 4),
        ("${nothing | default(0)}", 0),
        ("${first([]) ?? 'empty'}", "empty"),
        ("${'many' if count > 2 else 'few'}", "many"),
        ("${'a' if count > 5 else 'b' if count > 2 else 'c'}", "b"),
        ("${count > 2 or 1 / 0 > 1}", True),
        ("${false and 1 / 0 > 1}", False),
        ("${topic | upper}", "CATS"),
        ("${topic | lower | replace('cat', 'dog') | title}", "Dogs"),
        ("${'  x ' | trim}", "x"),
        ("${'a-b' | split('-')}", ["a", "b"]),
        ("${' a  b' | split}", ["a", "b"]),
        ("${'a\\nb' | lines}", ["a", "b"]),
        ("${'abcdef' | truncate(4)}", "abc…"),
        ("${topic | starts_with('C') and topic | ends_with('s')}", True),
        ("${tags | length + 1}", 4),
        ("${3 < tags | length}", False),
        ("${tags | unique | sort | join(', ')}", "a, b"),
        ("${numbers | sort | reverse | first}", 3),
        ("${order.lines | sort('product') | pluck('cents')}", [4290, 390]),
        ("${order.lines | where('product', 'lamp') | length}", 1),
        ("${numbers | sum}", 6),
        ("${numbers | average}", 2.0),
        ("${min(numbers) + max(numbers)}", 4),
        ("${[[1], 2, [[3]]] | flatten}", [1, 2, [3]]),
        ("${range(5) | chunks(2)}", [[0, 1], [2, 3], [4]]),
        ("${range(2, 5) | last}", 4),
        ("${numbers | slice(1)}", [1, 2]),
        ("${numbers | slice(0, 2)}", [3, 1]),
        ("${[1, null] | present}", [1]),
        ("${order | keys}", ["id", "lines"]),
        ("${ {a: 1} | merge({b: 2}) | entries}", [{"key": "a", "value": 1}, {"key": "b", "value": 2}]),
        ("${ {a: 1} | values}", [1]),
        ("${'12' | integer + number('0.5')}", 12.5),
        ("${-1.5 | abs}", 1.5),
        ("${ {a: [1, null]} | json}", '{"a":[1,null]}'),
        ("${'[1, 2]' | parse_json | last}", 2),
        ("${12 | text + 'x'}", "12x"),
    ],
)
def test_a_value(written: Any, given: Any, value_of: Value) -> None:
    found = value_of(written)
    assert found == given
    assert type(found) is type(given)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("${1 / 0}", "`${1 / 0}`: division by zero"),
        ("${order.colour}", "there is no `colour` in a mapping of id, lines"),
        ("${topic.name}", "a text has no field `name`"),
        ("${nothing.name}", "null has no field `name`"),
        ("${tags[3]}", "there is no item 3 in a list of 3"),
        ("${tags['a']}", "a list has no item by a text"),
        ("${'n: ' + count}", "`+` needs numbers, found a text; put texts together as"),
        ("${topic > 3}", "`>` compares two numbers or two texts, found a text and a number"),
        ("${not topic}", "expected true or false, found a text"),
        ("${true + 1}", "`+` needs numbers, found a boolean"),
        ("${count | upper}", "`upper` needs a text, found a number"),
        ("${first([])}", "the list is empty"),
        ("${sort([1, 'a'])}", "only numbers can be sorted, or texts"),
        ("${sum([1, null])}", "`sum` needs a list of numbers"),
        ("${'x' | number}", "`x` is not a number"),
        ("${'{' | parse_json}", "not JSON"),
        ("${'a' in 3}", "`in` looks into a list, a mapping or a text"),
        ("${9000000000000000000 * 9}", "the number is too large"),
        ("${chunks([1], 0)}", "`chunks` needs a size of 1 or more"),
        ("${replace('a', '', 'b')}", "`replace` needs a text to look for"),
        ("${[] | length / 0 ?? 1}", "division by zero"),
    ],
)
def test_what_has_no_value(written: str, said: str, value_of: Value) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        value_of(written)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "written",
    [
        "${range(1000000)}",
        "${big | replace('a', big)}",
        "${big + big}",
        "${big}${big}",
        "${[big, big] | join}",
        "${nested}${nested}",
        "${[nested, nested, nested] | json}",
        "${ [nested, nested] }",
        "${nested == copy}",
        "${range(90000)" + " | chunks(1) | flatten" * 8 + "}",
    ],
)
def test_no_expression_grows_large(written: str, value_of: Value) -> None:
    nested: Any = "x" * 100
    copy: Any = "x" * 100
    for _ in range(40):
        nested, copy = [nested, nested], [copy, copy]
    names = {"big": "a" * 900_000, "nested": nested, "copy": copy}
    with pytest.raises(ExpressionFailed, match=r"are the most|more than"):
        value_of(written, names)


def test_conditions_are_true_or_false(compiled: Compiled) -> None:
    assert truth(compiled("${count > 2}"), {"count": 3}) is True
    assert truth(compiled("${missing}"), {}) is False
    with pytest.raises(ExpressionFailed, match=r"`\$\{files\}`: expected true or false, found a list"):
        truth(compiled("${files}"), {"files": []})


def test_values_of_the_names_are_left_as_they_are(value_of: Value) -> None:
    names = {"a": [3, 1], "m": {"x": 1}}
    value_of("${sort(a)} ${reverse(a)} ${merge(m, {y: 2})} ${a + [4]}", names)
    assert names == {"a": [3, 1], "m": {"x": 1}}


def test_every_function_is_tried_here() -> None:
    text = Path(__file__).read_text()
    assert [name for name in FUNCTIONS if f"| {name}" not in text and f"{name}(" not in text] == []
