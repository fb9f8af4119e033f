import msgspec
import pytest

from perdure.base.messages import (
    Finished,
    Image,
    Message,
    ModelRequest,
    Text,
    TextDelta,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from perdure.compute.demo.planner import Planner
from perdure.compute.port import generate


def tool(name, description="", **fields):
    properties = {field: {"type": kind} for field, kind in fields.items()}
    return ToolDefinition(name, description, {"type": "object", "properties": properties, "required": list(fields)})


CALCULATOR = tool("calculator", expression="string")
HTTP = tool("http", url="string", method="string")
READ = tool("files_read", path="string")
LIST = tool("files_list", path="string")
SEARCH = tool("files_search", query="string")
FILES = tool("files", operation="string", path="string")
TIME = ToolDefinition("time", "", {"type": "object", "properties": {"zone": {"type": "string"}}})
ASK = tool("ask", question="string")
ALL = (CALCULATOR, HTTP, READ, LIST, SEARCH, TIME, ASK)


class Talk:
    """A conversation with the planner in which the test is the person and the tools."""

    def __init__(self, said, *tools, system="", **options):
        self.request = ModelRequest(
            model="demo/planner",
            messages=(Message("user", (Text(said),)),),
            tools=tools,
            system=system,
            **options,
        )
        self.response = None

    async def next(self):
        self.response = await generate(Planner(), self.request)
        return self

    @property
    def called(self):
        return [(part.name, part.arguments) for part in self.response.tool_calls]

    @property
    def text(self):
        return self.response.text

    async def back(self, *results, error=False):
        for result in results:
            parts = (Text(result),) if isinstance(result, str) else (result,)
            call = self.response.tool_calls[0]
            answered = (
                Message("assistant", self.response.parts),
                Message("tool", (ToolResult(call.id, call.name, parts, error),)),
            )
            self.request = msgspec.structs.replace(self.request, messages=(*self.request.messages, *answered))
            await self.next()
        return self

    async def say(self, text):
        more = (Message("assistant", self.response.parts), Message("user", (Text(text),)))
        self.request = msgspec.structs.replace(self.request, messages=(*self.request.messages, *more))
        return await self.next()


async def test_arithmetic_goes_to_the_calculator_and_the_answer_has_the_number():
    talk = await Talk("What's 25 * 47?", CALCULATOR).next()
    assert talk.called == [("calculator", {"expression": "25 * 47"})]
    assert talk.response.stop == "tool_calls"
    await talk.back("1175")
    assert (talk.text, talk.response.stop) == ("25 * 47 = 1175", "end")


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("what is 12 plus 30, please?", "12 + 30"),
        ("How much is 15% of 80", "15/100* 80"),
        ("sqrt(16) + 2?", "sqrt(16) + 2"),
        ("(2+3)*4^2 = ?", "(2+3)*4^2"),
        ("It costs 1,250.50 - 3", "1,250.50 - 3"),
        ("compute (1+2", "(1+2)"),
        ("7 divided by 2, then go", "7 / 2"),
    ],
)
async def test_arithmetic_is_found_in_sentences(said, expression):
    talk = await Talk(said, *ALL).next()
    assert talk.called == [("calculator", {"expression": expression})]


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("Fetch https://example.com/a?b=1.", "http", {"url": "https://example.com/a?b=1", "method": "GET"}),
        ("Read notes.txt", "files_read", {"path": "notes.txt"}),
        ("Please summarise docs/guide.md!", "files_read", {"path": "docs/guide.md"}),
        ("open README", "files_read", {"path": "README"}),
        ("List the files", "files_list", {"path": "."}),
        ("which files are in docs?", "files_list", {"path": "docs"}),
        ('search the notes for "late orders"', "files_search", {"query": "late orders"}),
        ("What time is it?", "time", {}),
        ("Ask the boss whether we ship today", "ask", {"question": "we ship today"}),
        ("Remind me to buy milk", "ask", {"question": "buy milk"}),
    ],
)
async def test_a_wish_finds_its_tool(said, name, arguments):
    talk = await Talk(said, *ALL).next()
    assert talk.called == [(name, arguments)]


async def test_what_may_be_left_out_is():
    listing = ToolDefinition("files_list", "", {"type": "object", "properties": {"path": {"type": "string"}}})
    assert (await Talk("List the files.", listing).next()).called == [("files_list", {})]


async def test_one_tool_for_all_of_files_is_told_what_to_do():
    talk = await Talk("Read notes.txt", FILES).next()
    assert talk.called == [("files", {"path": "notes.txt", "operation": "read"})]


async def test_a_field_by_another_name_is_found_by_its_type():
    talk = await Talk("2 + 2", tool("calc", formula="string")).next()
    assert talk.called == [("calc", {"formula": "2 + 2"})]


async def test_several_wishes_are_met_one_after_the_other():
    talk = await Talk("What time is it, and what is 2 + 2?", *ALL).next()
    assert talk.called == [("calculator", {"expression": "2 + 2"})]
    await talk.back("4")
    assert talk.called == [("time", {})]
    await talk.back("2025-06-15T12:00:00Z")
    assert talk.text == "2 + 2 = 4 time says: 2025-06-15T12:00:00Z"


async def test_a_tool_that_no_rule_knows_is_found_by_its_name():
    lookup = tool("lookup_order", order_id="string")
    refund = tool("refund_order", order_id="string", amount="number", times="integer")
    assert (await Talk("Where is order A-4711?", lookup).next()).called == [("lookup_order", {"order_id": "A-4711"})]
    assert (await Talk("Refund 12.5 for order 'A 1', 2 times", refund).next()).called == [
        ("refund_order", {"order_id": "A 1", "amount": 12.5, "times": 2})
    ]
    assert (await Talk("Where is my order?", lookup).next()).called == []


async def test_without_a_fitting_tool_it_says_what_it_is_and_could_do():
    talk = await Talk("Tell me a story", CALCULATOR, tool("zap")).next()
    assert "not a language model" in talk.text
    assert "do arithmetic (calculator)" in talk.text
    assert "call zap" in talk.text
    assert "no tools" in (await Talk("Tell me a story").next()).text
    assert "no tools" in (await Talk("2 + 2", CALCULATOR, tool_choice="none").next()).text


async def test_a_tool_that_must_be_called_is():
    talk = await Talk("Read notes.txt, then 2 + 2", *ALL, tool_choice="calculator").next()
    assert talk.called == [("calculator", {"expression": "2 + 2"})]


async def test_a_failed_tool_is_reported():
    talk = await Talk("1 / 0", CALCULATOR).next()
    await talk.back("division by zero", error=True)
    assert talk.text == "The tool calculator reported an error: division by zero"


async def test_a_result_without_text_is_still_a_result():
    talk = await Talk("Read notes.txt", READ).next()
    await talk.back("")
    assert talk.text == "files_read is done."
    talk = await Talk("Read a.png", READ).next()
    await talk.back(Image("image/png", url="http://x"))
    assert "image/png" in talk.text


async def test_each_message_is_a_turn_of_its_own():
    talk = await Talk("1 + 1", CALCULATOR).next()
    await talk.back("2")
    await talk.say("2 + 2")
    assert talk.called == [("calculator", {"expression": "2 + 2"})]
    assert talk.response.tool_calls[0].id == "call_2"


async def test_the_same_request_gets_the_same_answer():
    first, second = [await Talk("What's 25 * 47?", CALCULATOR).next() for _ in range(2)]
    assert first.response == second.response
    assert first.response.usage.input_tokens > 0


async def test_it_streams():
    request = ModelRequest(model="demo/planner", messages=(Message("user", (Text("Hi"),)),), stream=True)
    deltas = [delta async for delta in Planner().stream(request)]
    assert isinstance(deltas[0], TextDelta)
    assert isinstance(deltas[-1], Finished)


PLAN = """Do this:
1. call files_list {"path": "inbox"}
2. call files_read {"path": "${1.files.0.name}", "limit": "${1.limit}"}
3. call files_write {"path": "out.txt", "text": "${input}: ${last} of ${1.files}", "deep": ["{{2}}", 7]}
4) say Copied {{1.files.0.name}}.
"""


async def test_a_plan_is_followed_to_the_letter():
    talk = await Talk("Copy it", READ, system=PLAN).next()
    assert talk.called == [("files_list", {"path": "inbox"})]
    await talk.back('{"files": [{"name": "a.txt"}], "limit": 3}')
    assert talk.called == [("files_read", {"path": "a.txt", "limit": 3})]
    await talk.back("Hello")
    assert talk.called == [
        (
            "files_write",
            {"path": "out.txt", "text": 'Copy it: Hello of [{"name":"a.txt"}]', "deep": ["Hello", 7]},
        )
    ]
    await talk.back("written")
    assert talk.text == "Copied a.txt."


async def test_a_plan_may_be_said_and_without_a_last_word_it_reports():
    talk = await Talk("1. call look\n2. call see {}").next()
    assert talk.called == [("look", {})]
    await talk.back("a")
    assert talk.called == [("see", {})]
    await talk.back("b")
    assert talk.text == "look says: a see says: b"


async def test_a_plan_ends_at_a_step_that_fails():
    talk = await Talk("1. call look\n2. call see {}").next()
    await talk.back("nothing there", error=True)
    assert talk.called == []
    assert talk.text.startswith("Step 1 of the plan failed.")
    assert "nothing there" in talk.text


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ('1. call look {"a": }', "is not JSON"),
        ("1. call look at this", "not a tool's name"),
        ('1. call look {"a": "${2}"}', "nothing at ${2}"),
        ('1. call look {"a": "x ${last}"}', "nothing at ${last}"),
        ("1. say ${input.name}", "nothing at ${input.name}"),
    ],
)
async def test_a_plan_that_cannot_be_followed_says_where(plan, told):
    talk = await Talk(plan).next()
    assert talk.text.startswith("Step 1 of the plan cannot be done:")
    assert told in talk.text


NUMBER = {"type": "object", "properties": {"answer": {"type": "number"}}, "required": ["answer"]}


async def test_a_result_that_fits_the_schema_is_the_answer():
    talk = await Talk("25 * 47", CALCULATOR, output_schema=NUMBER).next()
    assert talk.called
    await talk.back("1175")
    assert talk.text == '{"answer":1175}'


@pytest.mark.parametrize(
    ("schema", "result", "answer"),
    [
        (NUMBER, '{"answer": 3.5, "more": true}', '{"answer":3.5,"more":true}'),
        (
            {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            "hello",
            '{"text":"hello"}',
        ),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", "[1,2]"),
        (
            {"type": "object", "properties": {"state": {"enum": ["on", "off"]}}, "required": ["state"]},
            "on",
            '{"state":"on"}',
        ),
        ({"type": "boolean"}, "true", "true"),
    ],
)
async def test_shapes_that_fit(schema, result, answer):
    talk = await Talk("Read notes.txt", READ, output_schema=schema).next()
    await talk.back(result)
    assert talk.text == answer


@pytest.mark.parametrize("result", ["words", "[1, 2]", "true", '{"answer": "x"}'])
async def test_without_a_shape_that_fits_it_says_so(result):
    talk = await Talk("Read notes.txt", READ, output_schema=NUMBER).next()
    await talk.back(result)
    assert "nothing that the tools gave has the shape asked for" in talk.text


async def test_calls_that_have_no_result_yet_are_not_counted():
    asked = ModelRequest(
        model="demo/planner",
        messages=(Message("user", (Text("1 + 1"),)), Message("assistant", (ToolCall("c", "calculator", {}),))),
        tools=(CALCULATOR,),
    )
    assert (await generate(Planner(), asked)).tool_calls[0].arguments == {"expression": "1 + 1"}
