import pytest

from perdure.base.errors import ConfigError
from perdure.compute.transport.plain.request import parse_target, render_head


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "place"),
    [
        ("http://m.test", "m.test", 80, "/", "http://m.test"),
        ("http://M.test:80/v1/x", "m.test", 80, "/v1/x", "http://m.test"),
        ("HTTP://m.test:8080?a=b%20c#part", "m.test", 8080, "/?a=b%20c", "http://m.test:8080"),
        ("http://[FE80::1%eth0]:11434/v1", "fe80::1%eth0", 11434, "/v1", "http://[fe80::1]:11434"),
        ("http://bücher.test/ü", "xn--bcher-kva.test", 80, "/%C3%BC", "http://xn--bcher-kva.test"),
        ("http://my_vllm/v1:x/@a", "my_vllm", 80, "/v1:x/@a", "http://my_vllm"),
    ],
)
def test_where_a_url_leads(url, host, port, path, place):
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.place) == (host, port, path, place)


@pytest.mark.parametrize(
    "url",
    [
        *("https://m.test/", "m.test/v1", "http://", "http:///x", "http://m.test:0/", "http://m.test:99999/"),
        *(
            "http://m.test:x/",
            "http://m test/",
            "http://m%20.test/",
            "http://[::1/",
            "http://[m.test]/",
            "http://m.test\\x",
        ),
        *("http://a..b:\x00/", "http://" + "ü" * 300 + ".test/"),
    ],
)
def test_what_is_no_url(url):
    with pytest.raises(ConfigError):
        parse_target(url)


def test_an_error_shows_no_key():
    with pytest.raises(ConfigError) as caught:
        parse_target("http://user:secret@m.test:99999/secret?key=secret")
    assert caught.value.message == "http://m.test:99999 is not an http URL"
    assert caught.value.__cause__ is None


def test_a_head():
    target = parse_target("http://user@m.test/v1")
    assert (
        render_head(target, {"X-Key": "Łk", "User-Agent": "me"}, 7)
        == (
            "POST /v1 HTTP/1.1\r\nhost: m.test\r\nuser-agent: me\r\naccept: */*\r\naccept-encoding: identity\r\n"
            "authorization: Basic dXNlcjo=\r\nx-key: Łk\r\ncontent-length: 7\r\n\r\n"
        ).encode()
    )


def test_stated_authorization_goes_before_that_of_the_url():
    head = render_head(parse_target("http://user:secret@m.test/"), {"Authorization": "Bearer k"}, 0)
    assert b"authorization: Bearer k\r\n" in head
    assert b"Basic" not in head


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b", "a\x7f", "\ud800"])
def test_a_header_that_cannot_be_sent_is_not_shown(text):
    with pytest.raises(ConfigError) as caught:
        render_head(parse_target("http://m.test/"), {"authorization": "secret" + text}, 0)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ü", "Content-Length", "transfer-encoding"])
def test_names_that_are_none_and_those_that_say_where_the_body_ends_are_refused(name):
    with pytest.raises(ConfigError):
        render_head(parse_target("http://m.test/"), {name: "1"}, 0)
