import pytest

from perdure.base.errors import ConfigError
from perdure.compute.transport.choosing import ChoosingTransport
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.compute.transport.port import Post


async def chosen(url, environment):
    plain, full = (MemoryTransport(lambda post: Reply([b"{}"])) for _ in range(2))
    transport = ChoosingTransport(environment, plain=plain, full=full)
    await transport.post(Post(url, b"{}"))
    async with transport.stream(Post(url, b"{}")) as incoming:
        await incoming.read()
    await transport.close()
    assert plain.closed and full.closed
    assert {len(plain.posts), len(full.posts)} == {0, 2}
    return "plain" if plain.posts else "full"


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("http://127.0.0.1:11434/v1", {}, "plain"),
        ("HTTP://m.test/v1", {}, "plain"),
        ("https://m.test/v1", {}, "full"),
        ("http://m.test/v1", {"HTTPS_PROXY": "http://p"}, "plain"),
        ("http://m.test/v1", {"HTTP_PROXY": ""}, "plain"),
        ("http://m.test/v1", {"HTTP_PROXY": "http://p"}, "full"),
        ("http://m.test/v1", {"http_proxy": "http://p"}, "full"),
        ("http://m.test/v1", {"all_proxy": "socks5://p"}, "full"),
        ("http://m.test/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "m.test"}, "plain"),
        ("http://a.m.test/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "x, .M.test"}, "plain"),
        ("http://am.test/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "m.test"}, "full"),
        ("http://m.test/v1", {"HTTP_PROXY": "http://p", "no_proxy": "*"}, "plain"),
        ("http://m.test/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "", "no_proxy": "*"}, "full"),
        ("http://127.0.0.1:9/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "127.0.0.1,localhost"}, "plain"),
        ("http://10.1.2.3/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, "plain"),
        ("http://11.1.2.3/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8,.3"}, "full"),
        ("http://[::1]:9/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "::1"}, "plain"),
        ("http://[::1/v1", {"HTTP_PROXY": "http://p", "NO_PROXY": "::1"}, "full"),
    ],
)
async def test_plain_http_without_a_proxy_stays_on_the_loop(url, environment, expected):
    assert await chosen(url, environment) == expected


@pytest.mark.parametrize("url", ["http://", "https://", "nonsense", "ftp://m.test/"])
async def test_a_url_that_is_none(url):
    transport = ChoosingTransport({})
    with pytest.raises(ConfigError):
        await transport.post(Post(url, b"{}"))
    await transport.close()
