from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

from perdure.base.errors import ConfigError, InvalidArguments
from perdure.tools.schema import Parameter, build_schema, load_arguments


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Size:
    width: int
    colour: Colour = Colour.RED


class Node(msgspec.Struct):
    value: int
    children: list[Node] = []


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    name: str


class Address(TypedDict):
    city: str
    zip: NotRequired[str]


class Item(pydantic.BaseModel):
    price: float = pydantic.Field(description="in euros", gt=0)


class Basket(pydantic.BaseModel):
    items: list[Item]
    note: str = ""


class Tree(pydantic.BaseModel):
    left: Tree | None = None


class Titled(msgspec.Struct):
    """Names of fields that mean something in JSON Schema."""

    title: str
    properties: dict[str, int] = {}
    discriminator: int = 1


def schema_of(type_: Any, default: Any = msgspec.UNSET, description: str = "") -> dict[str, Any]:
    return build_schema("t", (Parameter("x", type_, default, description),))["properties"]["x"]


def load(type_: Any, value: Any) -> Any:
    return load_arguments("t", (Parameter("x", type_),), {"x": value})["x"]


SIZE = {
    "type": "object",
    "properties": {
        "width": {"type": "integer"},
        "colour": {"type": "string", "enum": ["blue", "red"], "default": "red"},
    },
    "required": ["width"],
}
ITEM = {
    "type": "object",
    "properties": {"price": {"type": "number", "description": "in euros", "exclusiveMinimum": 0}},
    "required": ["price"],
}


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (Path, {"type": "string", "format": "path"}),
        (Decimal, {"type": "string", "format": "decimal"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (Literal[1, 2], {"enum": [1, 2]}),
        (Colour, {"enum": ["blue", "red"], "type": "string"}),
        (Size, SIZE),
        (list[Size], {"type": "array", "items": SIZE}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (
            Address,
            {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
                "required": ["city"],
            },
        ),
        (Annotated[int, msgspec.Meta(ge=1, description="n")], {"type": "integer", "minimum": 1, "description": "n"}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, 7, pydantic.Field(description="how many")], {"type": "integer", "description": "how many"}),
        (Annotated[int, 7], {"type": "integer"}),
        (Item, ITEM),
        (
            Basket,
            {
                "type": "object",
                "properties": {"items": {"type": "array", "items": ITEM}, "note": {"type": "string", "default": ""}},
                "required": ["items"],
            },
        ),
    ],
)  # fmt: skip
def test_every_kind_of_type_has_its_schema(type_: Any, schema: dict[str, Any]) -> None:
    assert schema_of(type_) == schema


def test_names_that_mean_something_in_json_schema_stay() -> None:
    assert set(schema_of(Titled)["properties"]) == {"title", "properties", "discriminator"}


def test_tagged_unions_are_inlined_without_dangling_references() -> None:
    schema = schema_of(Cat | Dog)
    assert [one["properties"]["type"]["enum"] for one in schema["anyOf"]] == [["Cat"], ["Dog"]]
    assert "discriminator" not in schema
    assert load(Cat | Dog, {"type": "Dog", "name": "Rex"}) == Dog("Rex")


@pytest.mark.parametrize(("type_", "name"), [(Node, "Node"), (Tree, "Tree")])
def test_recursive_types_stay_references(type_: Any, name: str) -> None:
    schema = build_schema("t", (Parameter("x", type_), Parameter("y", type_ | None, None)))
    assert schema["properties"]["x"] == {"$ref": f"#/$defs/{name}"}
    assert schema["properties"]["y"]["anyOf"][0] == {"$ref": f"#/$defs/{name}"}
    assert schema["$defs"][name]["type"] == "object"


def test_the_whole_has_required_and_defaults() -> None:
    schema = build_schema("t", (Parameter("a", int, description="the a"), Parameter("b", tuple[str, ...], ())))
    assert schema == {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "the a"},
            "b": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        "required": ["a"],
        "additionalProperties": False,
    }
    assert "required" not in build_schema("t", ())
    assert "default" not in schema_of(Any, object())


def test_the_docstring_wins_over_the_annotation() -> None:
    assert schema_of(Annotated[int, msgspec.Meta(description="meta")], description="doc")["description"] == "doc"
    assert schema_of(Annotated[int, msgspec.Meta(description="meta")])["description"] == "meta"


@pytest.mark.parametrize("type_", [object, Item | Basket, type(load)])
def test_a_type_without_a_schema_is_refused_by_name(type_: Any) -> None:
    with pytest.raises(ConfigError, match="tool t: the parameter x"):
        schema_of(type_)


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        (int, "3", 3),
        (float, 3, 3.0),
        (float, "2.5", 2.5),
        (bool, "true", True),
        (str, 1234, "1234"),
        (str, "3", "3"),
        (int | str, "3", "3"),
        (list[int], "[1, 2]", [1, 2]),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (str, "[1]", "[1]"),
        (str, "[not json", "[not json"),
        (Size, {"width": "3", "colour": "blue"}, Size(3, Colour.BLUE)),
        (Size, '{"width": 3}', Size(3)),
        (Path, "a/b", Path("a/b")),
        (Item, {"price": "2"}, Item(price=2.0)),
        (Item, Item(price=1), Item(price=1)),
        (Item | None, None, None),
        (Any, {"x": [1]}, {"x": [1]}),
    ],
)
def test_values_are_read_as_they_were_meant(type_: Any, given: Any, value: Any) -> None:
    loaded = load(type_, given)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(
    ("type_", "given", "said"),
    [
        (int, "three", "x: expected `int`, got `str` (x was 'three')"),
        (int, True, "x: expected `int`, got `bool` (x was True)"),
        (str, 2.5, "x: expected `str`, got `float` (x was 2.5)"),
        (Literal["a"], 3, "x: expected `str`, got `int` (x was 3)"),
        (Node, {"value": 1, "children": [{"value": "no"}]}, "x.children[0].value: expected `int`, got `str`"),
        (Item, {"price": -1}, "x: price: Input should be greater than 0"),
        (Item, 3, "Input should be a valid dictionary"),
        (Path, 3.5, "x: expected `Path`, got `float`"),
        (list[int], "[1, 2", "x: expected `array`, got `str`"),
        (int, "x" * 200, "…)"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected_and_given(type_: Any, given: Any, said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        load(type_, given)
    assert said in caught.value.message


def test_all_problems_are_told_at_once() -> None:
    parameters = (Parameter("order_id", str), Parameter("count", int), Parameter("note", str, ""))
    with pytest.raises(InvalidArguments) as caught:
        load_arguments("t", parameters, {"orderid": "7", "count": "x", "zzz": 1})
    assert caught.value.facts["problems"] == [
        "order_id: missing, it is required",
        "count: expected `int`, got `str` (count was 'x')",
        "orderid: there is no such argument, did you mean order_id?",
        "zzz: there is no such argument, there are order_id, count, note",
    ]


def test_a_tool_without_parameters_takes_none() -> None:
    assert load_arguments("t", (), {}) == {}
    with pytest.raises(InvalidArguments, match=r"a: there is no such argument$"):
        load_arguments("t", (), {"a": 1})
