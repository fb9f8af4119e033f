import pytest

from perdure.base.errors import BrokenStream, Unreachable
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.compute.transport.port import Answer, Post

POST = Post("http://m.test/v1", b"{}")


async def test_it_answers_by_a_function_and_keeps_what_was_asked():
    transport = MemoryTransport(lambda post: Reply([b"a", post.body], status=201, headers={"x": "y"}))
    assert await transport.post(POST) == Answer(201, {"x": "y"}, b"a{}")
    assert transport.posts == [POST]
    await transport.close()
    assert transport.closed


async def test_it_breaks_off_where_it_is_told_to():
    transport = MemoryTransport(lambda post: Reply([b"a"], error=BrokenStream("cut")))
    got = []
    with pytest.raises(BrokenStream):
        async with transport.stream(POST) as incoming:
            async for chunk in incoming.chunks():
                got.append(chunk)
    assert got == [b"a"]


async def test_there_may_be_no_connection_at_all():
    def refuse(post):
        raise Unreachable("nobody listens")

    with pytest.raises(Unreachable):
        await MemoryTransport(refuse).post(POST)
