import json

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import AuthFailed, InvalidAnswer, NotSupported, RateLimited
from perdure.base.usage import Usage
from perdure.compute.registry import Models
from perdure.compute.transport.memory import MemoryTransport, Reply


def models(body, status=200):
    transport = MemoryTransport(lambda _: Reply([json.dumps(body).encode()], status))
    made = Models(
        transport=transport,
        clock=ManualClock(),
        chance=lambda: 0.0,
        environment={"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "k"},
        settings={"azure": {"base_url": "https://a.example/v1?api-version=1", "api_key": "k"}},
    )
    return made, transport


def vectors(*found, **more):
    return {"data": [{"embedding": one, "index": index} for index, one in found], **more}


async def test_texts_go_out_in_one_call_and_vectors_come_back_in_their_order():
    made, transport = models(vectors((1, [3.0]), (0, [1.0]), usage={"prompt_tokens": 5, "total_tokens": 5}))
    found = await made.embedder("openai/text-embedding-3-small").embed(["a", "b"], dimensions=1, timeout_ms=900)
    assert (found.vectors, found.usage) == ([[1.0], [3.0]], Usage(5))
    (post,) = transport.posts
    assert (post.url, post.timeout_ms) == ("https://api.openai.com/v1/embeddings", 900)
    assert post.headers["authorization"] == "Bearer sk-1"
    assert json.loads(post.body) == {
        "model": "text-embedding-3-small",
        "input": ["a", "b"],
        "encoding_format": "float",
        "dimensions": 1,
    }


async def test_a_query_of_the_base_url_stays_at_its_end():
    made, transport = models(vectors((0, [1.0])))
    found = await made.embedder("azure/e").embed(["a"], dimensions=None, timeout_ms=900)
    assert found.usage is None
    assert transport.posts[0].url == "https://a.example/v1/embeddings?api-version=1"
    assert "dimensions" not in json.loads(transport.posts[0].body)


@pytest.mark.parametrize(("status", "error"), [(401, AuthFailed), (429, RateLimited)], ids=["key", "too fast"])
async def test_a_refusal_is_a_typed_error(status, error):
    made, _ = models({"error": {"message": "no"}}, status)
    with pytest.raises(error):
        await made.embedder("openai/e").embed(["a"], dimensions=None, timeout_ms=900)


@pytest.mark.parametrize("body", [{}, vectors((0, [1.0]), (2, [1.0])), vectors((0, [1.0])), {"data": "x"}])
async def test_an_answer_without_a_vector_for_each_text_is_none(body):
    made, _ = models(body)
    with pytest.raises(InvalidAnswer):
        await made.embedder("openai/e").embed(["a", "b"], dimensions=None, timeout_ms=900)


def test_a_provider_without_them_says_so():
    made, _ = models({})
    with pytest.raises(NotSupported, match="anthropic has no embeddings"):
        made.embedder("anthropic/claude")
