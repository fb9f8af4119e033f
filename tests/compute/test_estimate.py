import msgspec

from perdure.base.messages import (
    Audio,
    File,
    Image,
    Message,
    ModelRequest,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from perdure.compute.estimate import DEFAULT_RATIO, PER_FILE, PER_IMAGE, Ratio, estimate, estimate_parts, learn


def asking(*parts, **more):
    return ModelRequest(model="m", messages=(Message("user", parts),), **more)


def test_text_is_about_four_letters_a_token():
    assert 250 <= estimate(asking(Text("word " * 200))) <= 320


def test_scripts_with_more_bytes_a_letter_have_more_tokens_a_letter():
    assert estimate_parts([Text("語" * 100)]) > 2 * estimate_parts([Text("a" * 100)])


def test_a_lone_surrogate_is_counted_too():
    assert estimate_parts([Text("\ud800")]) == 1


def test_everything_in_a_request_counts():
    tool = ToolDefinition("look", "Looks something up " * 10, {"type": "object", "properties": {}})
    plain = asking(Text("Hi"))
    for more in (
        msgspec.structs.replace(plain, system="Be brief. " * 20),
        msgspec.structs.replace(plain, tools=(tool,)),
        msgspec.structs.replace(plain, output_schema={"type": "object", "required": ["a" * 100]}),
        asking(Text("Hi"), Thinking("hm " * 50)),
        asking(Text("Hi"), ToolCall("1", "look", {"q": "x" * 100})),
        asking(Text("Hi"), ToolCall("1", "look", "not json" * 20)),
        asking(Text("Hi"), ToolResult("1", "look", (Text("found " * 50),))),
        asking(Text("Hi"), Opaque("p", {"sealed": "x" * 100})),
    ):
        assert estimate(more) > estimate(plain) + 20


def test_images_have_a_fixed_weight_and_files_grow():
    assert estimate_parts([Image("image/png", data=b"x" * 100_000)]) == PER_IMAGE
    assert estimate_parts([ToolResult("1", "shot", (Image("image/png", url="http://x"),))]) == PER_IMAGE
    assert estimate_parts([File("application/pdf", data=b"x")]) == PER_FILE
    assert estimate_parts([Audio("audio/wav", data=b"x" * 400_000)]) == 10_000


def test_it_learns_what_a_model_counts():
    request = asking(Text("x" * 2_000))
    ratio = learn(DEFAULT_RATIO, request, 1_000)
    assert abs(estimate(request, ratio) - 1_000) <= 1
    assert ratio.samples == 1
    later = learn(ratio, request, 500)
    assert ratio.bytes_per_token < later.bytes_per_token < 4.1
    for _ in range(30):
        later = learn(later, request, 500)
    assert abs(estimate(request, later) - 500) <= 2


def test_odd_reports_are_bounded_and_small_requests_teach_nothing():
    request = asking(Text("x" * 2_000))
    assert learn(DEFAULT_RATIO, request, 10**9).bytes_per_token == 1.5
    assert learn(DEFAULT_RATIO, request, 9).bytes_per_token == 8.0
    assert learn(DEFAULT_RATIO, request, 0) == DEFAULT_RATIO
    assert learn(Ratio(4.0, 3), asking(Text("Hi")), 500) == Ratio(4.0, 3)
