from __future__ import annotations

import asyncio
import functools
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perdure.base.errors import (
    ConfigError,
    InvalidArguments,
    InvalidResult,
    ToolDenied,
    ToolError,
    ToolFailed,
    ToolTimeout,
)
from perdure.kernel.context import Context
from perdure.tools.function import FunctionTool, tool
from perdure.tools.load import load_file
from perdure.tools.port import NotDone, Unsure
from perdure.tools.source import source_digest

if TYPE_CHECKING:
    from nowhere import Missing

CTX: Any = object()


@dataclass
class Order:
    id: str
    total: float


async def call(made: FunctionTool[..., Any], **arguments: Any) -> Any:
    return (await made.call(arguments, key="key1", ctx=CTX)).plain


async def test_a_typed_function_is_a_tool() -> None:
    @tool(effect="idempotent", timeout="10s")
    async def lookup_order(order_id: str, lines: int = 3, *, key: str) -> Order:
        """Look an order up.

        Args:
            order_id: The order's number.
        """
        return Order(f"{order_id}/{key}", lines)

    assert lookup_order.definition.name == "lookup_order"
    assert lookup_order.definition.description == "Look an order up."
    assert lookup_order.definition.parameters == {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "description": "The order's number."},
            "lines": {"type": "integer", "default": 3},
        },
        "required": ["order_id"],
        "additionalProperties": False,
    }
    assert (lookup_order.effect, lookup_order.effect_of({}), lookup_order.timeout_ms) == (
        "idempotent",
        "idempotent",
        10_000,
    )
    assert await call(lookup_order, order_id=7, lines="5") == {"id": "7/key1", "total": 5}
    assert await lookup_order("7", key="k") == Order("7/k", 3), "it can be called as if it were not a tool"
    assert repr(lookup_order) == "<tool lookup_order>"


async def test_a_bare_decorator_gives_class_once_and_a_bound() -> None:
    @tool
    def add(a: int, b: int) -> int:
        return a + b

    assert (add.effect, add.timeout_ms, add.definition.description) == ("once", 300_000, "add")
    assert await call(add, a=1, b=2) == 3
    assert tool(timeout=None)(add.function).timeout_ms is None


async def test_a_sync_function_runs_in_a_thread_of_its_own() -> None:
    @tool
    def where_am_i() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await call(where_am_i) is False


async def test_methods_partials_and_callable_objects_are_tools_too() -> None:
    class Shop:
        def price(self, item: str) -> str:
            """Tell a price."""
            return f"{item}: 3"

        async def __call__(self, item: str) -> str:
            """Sell."""
            return f"sold {item}"

    def add(a: int, b: int) -> int:
        return a + b

    @functools.wraps(add)
    def wrapper(*args: Any, **kwargs: Any) -> int:
        return add(*args, **kwargs) * 10

    assert await call(FunctionTool(Shop().price), item="tea") == "tea: 3"
    sell = FunctionTool(Shop(), name="sell")
    assert (sell.definition.description, await call(sell, item="tea")) == ("Sell.", "sold tea")
    assert await call(FunctionTool(functools.partial(add, b=2), name="add2"), a=1) == 3
    assert await call(FunctionTool(wrapper), a=1, b=2) == 30
    assert await call(FunctionTool(lambda: asyncio.sleep(0, "later"), name="late")) == "later"


async def test_the_context_is_injected_and_such_a_tool_journals_its_own_effects() -> None:
    @tool
    async def whole(ctx: Context, a: int) -> bool:
        return ctx is CTX

    @tool(effect="read")
    async def bare(a: int, ctx) -> bool:  # type: ignore[no-untyped-def]
        return ctx is CTX

    assert list(whole.definition.parameters["properties"]) == ["a"]
    assert (whole.effect, whole.timeout_ms, bare.effect) == (None, None, "read")
    assert await call(whole, a=1) is True
    assert await call(bare, a=1) is True


async def test_key_is_an_ordinary_argument_unless_keyword_only() -> None:
    @tool
    def get(key: str) -> str:
        return key

    @tool
    def count(*, key: int) -> int:
        return key

    assert await call(get, key="mine") == "mine"
    assert await call(count, key=3) == 3


async def test_wrong_arguments_are_refused_before_anything_is_done() -> None:
    done = []

    @tool
    def note(text: str) -> None:
        done.append(text)

    with pytest.raises(InvalidArguments, match="text: missing"):
        note.check({})
    with pytest.raises(InvalidArguments, match="text: missing"):
        await call(note)
    note.check({"text": "x"})
    assert done == []


def boom() -> None:
    raise KeyError("x")


@pytest.mark.parametrize("error", [ToolFailed("nothing done"), ToolDenied("no")])
async def test_our_own_errors_pass(error: Exception) -> None:
    @tool
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await call(fail)
    assert caught.value is error


async def test_other_errors_say_what_and_where() -> None:
    @tool
    def fail() -> None:
        boom()

    @tool
    async def leave() -> None:
        raise SystemExit

    with pytest.raises(ToolError, match=r"^fail raised KeyError: 'x' \(at test_function\.py:\d+\)$") as caught:
        await call(fail)
    assert isinstance(caught.value.__cause__, KeyError)
    assert not isinstance(caught.value, ToolFailed), "nobody knows whether something was done"
    with pytest.raises(ToolError, match="leave raised SystemExit"):
        await call(leave)


async def test_an_unusable_result_says_that_the_tool_ran() -> None:
    @tool
    def strange() -> object:
        return {"a": object()}

    with pytest.raises(InvalidResult, match=r"the tool ran, but .* \$\.a is of type object"):
        await call(strange)


async def test_a_tool_that_hangs_runs_into_its_timeout_sync_or_async() -> None:
    never = threading.Event()

    @tool(timeout=0.02)
    async def hang() -> None:
        await asyncio.Event().wait()

    @tool(timeout="20ms")
    def block() -> None:
        never.wait(10)

    for made in (hang, block):
        with pytest.raises(ToolTimeout, match="took longer than 20 ms") as caught:
            await call(made)
        assert caught.value.facts["timeout_ms"] == 20
    never.set()


async def test_a_timeout_of_the_functions_own_is_an_ordinary_error() -> None:
    @tool(timeout="10s")
    async def slow() -> None:
        raise TimeoutError("the database")

    with pytest.raises(ToolError, match="slow raised TimeoutError: the database") as caught:
        await call(slow)
    assert not isinstance(caught.value, ToolTimeout)


async def test_cancelling_reaches_the_function() -> None:
    state = []

    @tool
    async def wait() -> None:
        try:
            state.append("began")
            await asyncio.Event().wait()
        finally:
            state.append("ended")

    task = asyncio.create_task(call(wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state == ["began", "ended"]


async def test_a_probe_makes_a_tool_checkable() -> None:
    sent = {"key1": "receipt"}

    async def find(to: str, urgent: bool, key: str) -> Any:
        if urgent:
            return Unsure()
        return f"{sent[key]} for {to}" if key in sent else NotDone()

    @tool(reconcile=find)
    def send(to: str, text: str, urgent: bool = False, *, key: str) -> str:
        return "sent"

    assert send.effect == "checkable"
    asked = {"to": "ann", "text": "hi"}
    found = await send.reconcile(asked, key="key1", ctx=CTX)
    assert not isinstance(found, (NotDone, Unsure))
    assert found.text == "receipt for ann"
    assert await send.reconcile(asked, key="key2", ctx=CTX) == NotDone()
    assert await send.reconcile({**asked, "urgent": True}, key="key1", ctx=CTX) == Unsure()


async def test_a_probe_may_take_everything_and_without_one_nobody_can_tell() -> None:
    def find(**all_of_it: Any) -> list[str]:
        return sorted(all_of_it)

    @tool(effect="checkable", reconcile=find)
    def send(to: str) -> None: ...

    @tool
    def other() -> None: ...

    found = await send.reconcile({"to": "ann"}, key="k", ctx=CTX)
    assert not isinstance(found, (NotDone, Unsure))
    assert found.value == ["ctx", "key", "to"]
    assert await other.reconcile({}, key="k", ctx=CTX) == Unsure()


def starred(*names: str) -> None: ...


def keywords(**names: str) -> None: ...


def positional(a: int, /) -> None: ...


def unknown(a: Missing) -> None: ...


def wrong(a: Any) -> None: ...


wrong.__annotations__["a"] = "int["


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (starred, r"\*names cannot be described"),
        (keywords, r"\*\*names cannot be described"),
        (positional, "a cannot be described"),
        (unknown, "Missing is not defined"),
        (wrong, "annotations cannot be read"),
        (int, "has no signature"),
        (generator, "a generator cannot be a tool"),
        (async_generator, "a generator cannot be a tool"),
        (lambda: None, "not a name for a tool: <lambda>"),
    ],
)
def test_what_cannot_be_described_is_refused(function: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tool(function)


@pytest.mark.parametrize(
    "options",
    [{"effect": "checkable"}, {"effect": "once", "reconcile": starred}, {"effect": "twice"}, {"name": "no spaces"}],
)
def test_options_that_contradict_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        tool(**options)(boom)


async def test_a_context_imported_for_type_checking_only_is_understood() -> None:
    space: dict[str, Any] = {}
    exec("async def f(c: 'Context', a: 'int') -> 'bool':\n    return c is not None\n", space)
    made = tool(space["f"])
    assert list(made.definition.parameters["properties"]) == ["a"]
    assert await call(made, a=1) is True


def test_the_source_digest_changes_with_the_source_only() -> None:
    def make(source: str) -> str:
        space: dict[str, Any] = {}
        exec(source, space)
        return tool(space["f"]).source_digest

    one = make("def f(a: int) -> int:\n    return a + 1\n")
    assert one == make("def f(a: int) -> int:\n    return a + 1\n")
    assert one != make("def f(a: int) -> int:\n    return a + 2\n")
    assert make("def f():\n    return [1 for _ in 'a']\n") != make("def f():\n    return [2 for _ in 'a']\n")
    assert len(tool(boom).source_digest) == 32
    assert FunctionTool(boom, builtin=True).source_digest == ""
    assert source_digest(len) == ""


def test_the_source_digest_is_of_the_whole_function_and_of_nothing_around_it(tmp_path: Path) -> None:
    def make(source: str) -> str:
        (tmp_path / "tools.py").write_text(source)
        found: str = load_file(tmp_path / "tools.py").f.source_digest
        return found

    head, body = "def f(a: int) -> int:\n", "    if a:\n        a = 1\n    return (\n        a\n    )\n"
    tool_f = f"from perdure import tool\n\n@tool\n{head}{body}"
    one = make(tool_f)
    assert one == make(f"{tool_f}\n\ndef g(): ...\n") == make(f"import sys\n{tool_f}")
    assert one != make(tool_f.replace("        a\n    )", "        a  # changed\n    )"))
    assert one != make(tool_f.replace("@tool", "@tool(timeout=5)"))
    assert one != make(tool_f.replace("a = 1", "a = 2"))
