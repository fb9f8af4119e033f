from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import ToolDenied, ToolFailed, ToolTimeout
from perdure.base.messages import Text, ToolCall, ToolResult
from perdure.tools.call import Prepared, answer, error_result, failure, prepare
from perdure.tools.function import FunctionTool, tool
from perdure.tools.port import ToolOutput


@tool(effect="read")
def lookup_order(order_id: str) -> str:
    return order_id


TOOLS: dict[str, Any] = {"lookup_order": lookup_order}


def said(result: object) -> str:
    assert isinstance(result, ToolResult)
    assert result.error
    assert (result.id, len(result.parts)) == ("c1", 1)
    part = result.parts[0]
    assert isinstance(part, Text)
    return part.text


def test_a_good_call_is_prepared_with_its_class() -> None:
    call = ToolCall("c1", "lookup_order", {"order_id": "7"})
    assert prepare(TOOLS, call) == Prepared(call, lookup_order, {"order_id": "7"}, "read")


def test_a_model_that_sends_nothing_for_no_arguments_is_understood() -> None:
    tools: dict[str, Any] = {"now": FunctionTool(lambda: 1, name="now")}
    prepared = prepare(tools, ToolCall("c1", "now", "  "))
    assert isinstance(prepared, Prepared)
    assert prepared.arguments == {}


def test_an_unknown_tool_is_answered_with_the_one_that_was_meant() -> None:
    assert said(prepare(TOOLS, ToolCall("c1", "lookup_orders"))) == (
        "Error: there is no tool lookup_orders. Did you mean lookup_order?"
    )
    assert said(prepare(TOOLS, ToolCall("c1", "zzz"))) == "Error: there is no tool zzz. There are: lookup_order."
    assert "no tools can be called" in said(prepare({}, ToolCall("c1", "zzz")))
    many: dict[str, Any] = {f"a{n}": lookup_order for n in range(20)}
    assert said(prepare(many, ToolCall("c1", "zzz"))).endswith("a11, ….")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"order_id": 7', "not valid JSON"),
        ("[1]", "must be one JSON object, not a list: [1]"),
        ("x" * 5000, "…"),
    ],
)
def test_arguments_that_are_no_json_object_are_shown(text: str, expected: str) -> None:
    shown = said(prepare(TOOLS, ToolCall("c1", "lookup_order", text)))
    assert expected in shown
    assert len(shown) < 500


def test_wrong_arguments_and_refusals_are_results_to_read() -> None:
    assert "order_id: missing" in said(prepare(TOOLS, ToolCall("c1", "lookup_order", {})))

    class Locked(FunctionTool[..., Any]):
        def check(self, arguments: Any) -> None:
            raise ToolDenied("closed on Sundays")

    tools: dict[str, Any] = {"shop": Locked(lambda: 1, name="shop")}
    assert said(prepare(tools, ToolCall("c1", "shop", {}))) == "Error: closed on Sundays"


def test_an_answer_is_cut_and_points_to_the_whole() -> None:
    call = ToolCall("c1", "lookup_order")
    result = answer(call, ToolOutput((Text("x" * 50),)), key="step1/tool:lookup_order", limit=8)
    assert result == ToolResult(
        "c1",
        "lookup_order",
        (Text("xxxxxx\n[… 42 characters left out; the whole is kept as effect step1/tool:lookup_order …]\nxx"),),
    )
    assert answer(call, ToolOutput((Text("no"),), error=True), key="k").error


def test_a_failure_tells_the_cure() -> None:
    call = ToolCall("c1", "lookup_order")
    assert said(failure(call, ToolTimeout("it took 10 s"))) == (
        "Error: it took 10 s. Raise the tool's timeout, or give it less to do."
    )
    assert said(failure(call, ToolFailed("no such order!"))) == "Error: no such order!"
    assert said(failure(call, ToolFailed("Really?", hint="Look again."))) == "Error: Really? Look again."
    assert said(error_result(call, "bad \ud800 text")) == "Error: bad � text"
    assert len(said(error_result(call, "x" * 100_000))) < 5_000
