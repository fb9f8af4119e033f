from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from perdure.base.codec import pack, unpack_as
from perdure.base.errors import InvalidResult
from perdure.base.messages import Audio, File, Image, Text
from perdure.tools.port import ToolOutput
from perdure.tools.result import media_part, to_output, valid_text

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"


class Order(msgspec.Struct):
    id: str
    total: Any


@dataclass
class Point:
    x: Any


class Model(pydantic.BaseModel):
    when: datetime


@pytest.mark.parametrize(
    ("returned", "text", "value"),
    [
        ("hello", "hello", None),
        ("", "", None),
        (None, "done", None),
        (3, "3", 3),
        (2.5, "2.5", 2.5),
        (True, "true", True),
        ({"a": [1]}, '{"a":[1]}', {"a": [1]}),
        ({1: "x"}, '{"1":"x"}', {"1": "x"}),
        ([], "[]", []),
        (Order("7", 3.5), '{"id":"7","total":3.5}', {"id": "7", "total": 3.5}),
        ([Point(1)], '[{"x":1}]', [{"x": 1}]),
        (Colour.RED, "red", "red"),
        (Decimal("1.10"), "1.10", "1.10"),
        (NEW_YEAR, "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        (Model(when=NEW_YEAR), '{"when":"2025-01-01T00:00:00Z"}', {"when": "2025-01-01T00:00:00Z"}),
        ({"p": Path("a")}, '{"p":"a"}', {"p": "a"}),
        (2**80, str(2**80), str(2**80)),
        ({"n": 2**80, "m": -1}, f'{{"n":"{2**80}","m":-1}}', {"n": str(2**80), "m": -1}),
        (Order("7", 2**80), f'{{"id":"7","total":"{2**80}"}}', {"id": "7", "total": str(2**80)}),
        ([Point(2**80), Colour.RED, None], f'[{{"x":"{2**80}"}},"red",null]', [{"x": str(2**80)}, "red", None]),
        ({Colour.RED: 2**80}, f'{{"red":"{2**80}"}}', {"red": str(2**80)}),
        ([2**80, Model(when=NEW_YEAR)], None, [str(2**80), {"when": "2025-01-01T00:00:00Z"}]),
    ],
)  # fmt: skip
def test_what_a_function_returns_becomes_text_and_plain_data(returned: Any, text: str | None, value: Any) -> None:
    output = to_output(returned)
    assert text is None or output.text == text
    assert output.value == value
    assert unpack_as(pack(output), ToolOutput) == output, "what is replayed is what was live"


def test_plain_is_the_value_or_the_text() -> None:
    assert to_output("hello").plain == "hello"
    assert to_output([1]).plain == [1]


def test_parts_stay_parts_and_mixed_lists_become_parts() -> None:
    image = Image(media_type="image/png", data=b"x")
    assert to_output(image).parts == (image,)
    assert to_output(["see:", image, {"a": 1}, Text("end")]).parts == (
        Text("see:"),
        image,
        Text('{"a":1}'),
        Text("end"),
    )
    assert to_output(b"raw").parts == (File(media_type="application/octet-stream", data=b"raw"),)
    output = ToolOutput((Text("as it is"),))
    assert to_output(output) is output


def test_a_path_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2")
    assert to_output(tmp_path / "a.csv").parts == (File(media_type="text/csv", data=b"1,2", name="a.csv"),)
    with pytest.raises(InvalidResult, match=r"nope\.png"):
        to_output(tmp_path / "nope.png")


def test_media_parts_go_by_the_name() -> None:
    assert isinstance(media_part("a.png", b""), Image)
    assert isinstance(media_part("a.mp3", b""), Audio)
    assert media_part("a", b"").media_type == "application/octet-stream"


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    assert valid_text("a\ud83d\ude00b\ud800") == "a😀b�"
    assert to_output("\ud800").text == "�"
    assert to_output(Text("\ud800")).text == "�"
    assert to_output([b"", "\ud800"]).text == "�"
    assert to_output({"k\ud800": ["\udfff"]}).value == {"k�": ["�"]}


def test_ten_megabytes_go_through() -> None:
    text = "x" * 10_000_000
    assert to_output(text).text is text
    assert len(to_output({"text": text}).text) > 10_000_000


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (object(), "$ is of type object"),
        ({"a": [1, {"b": object()}]}, "$.a[1].b is of type object"),
        (Order("7", {1, open}), "$.total"),
        (Point(lambda: 1), "$.x is of type function"),
        ({(1, 2): 3}, "a key of $ is of type tuple"),
        ((one for one in "ab"), "$ is of type generator"),
        ([10**5000], "$[0] is an integer of thousands of digits"),
    ],
)
def test_what_cannot_be_kept_is_named_with_type_and_path(returned: Any, said: str) -> None:
    with pytest.raises(InvalidResult) as caught:
        to_output(returned)
    assert said in caught.value.message


def test_what_contains_itself_or_is_bottomless_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"again": loop})
    with pytest.raises(InvalidResult, match=r"contains itself at \$\[0\]\.again"):
        to_output(loop)
    deep: Any = 2**80
    for _ in range(300):
        deep = [deep]
    with pytest.raises(InvalidResult, match="200 levels"):
        to_output(deep)


def test_numbers_that_json_does_not_know_are_null() -> None:
    assert to_output([math.nan, math.inf]).text == "[null,null]"
