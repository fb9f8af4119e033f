from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import ConfigError, InvalidArguments, ToolDenied
from perdure.tools.builtin.hosts import Hosts, is_public
from perdure.tools.fetch.url import join_url, parse_url


def allowed(allow: list[str], url: str) -> bool:
    try:
        Hosts(tuple(allow)).check(parse_url(url))
    except ToolDenied:
        return False
    return True


@pytest.mark.parametrize(
    ("allow", "url", "expected"),
    [
        ([], "https://example.com/", False),
        (["api.example.com"], "https://api.example.com/x", True),
        (["API.Example.com"], "http://api.example.com./x", True),
        (["api.example.com"], "https://api.example.com:8443/", False),
        (["api.example.com"], "http://api.example.com:443/", False),
        (["api.example.com"], "https://example.com/", False),
        (["api.example.com"], "https://api.example.com.evil.com/", False),
        (["api.example.com"], "https://evil.com/api.example.com", False),
        (["api.example.com"], "https://evil.com#api.example.com", False),
        (["api.example.com"], "https://evil.com\\@api.example.com/", False),
        (["api.example.com"], "https://api.example.com\\@evil.com/", True),
        (["api.example.com"], "https://api.example.com@evil.com/", False),
        (["evil.com"], "https://user:secret@evil.com/", False),
        (["*.example.com"], "https://a.b.example.com/", True),
        (["*.example.com"], "https://example.com/", False),
        (["*.example.com"], "https://badexample.com/", False),
        (["*"], "https://anything.org/", True),
        (["*"], "https://anything.org:8443/", False),
        (["localhost:8080"], "http://localhost:8080/", True),
        (["localhost:8080"], "http://localhost:8081/", False),
        (["example.com:80"], "http://example.com/", True),
        (["example.com:80"], "https://example.com/", False),
        (["[::1]:9"], "http://[::1]:9/", True),
        (["127.0.0.1"], "http://2130706433/", True),
        (["münchen.de"], "https://xn--mnchen-3ya.de/", True),
    ],
)
def test_only_what_is_on_the_list_is_allowed(allow: list[str], url: str, expected: bool) -> None:
    assert allowed(allow, url) is expected


@pytest.mark.parametrize("entry", ["", "a/b", "user@host", "a.*.com", "*.a.com:80", "a b", "*.", "host:99999"])
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError):
        Hosts((entry,))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "fd12::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
        "2001:0:53aa:64c:0:fffe:80ff:fffe", "2001:db8::1", "no address",
    ],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


def test_a_private_address_is_reached_only_by_host_and_port() -> None:
    target = parse_url("http://internal.example.com/")
    with pytest.raises(ToolDenied, match=r"leads to the private address 10\.0\.0\.7"):
        Hosts(("internal.example.com", "*")).check_address(target, "10.0.0.7")
    Hosts(("internal.example.com:80",)).check_address(target, "10.0.0.7")
    Hosts(("internal.example.com",)).check_address(target, "8.8.8.8")


@pytest.mark.parametrize(
    "url", ["ftp://x/", "file:///etc/passwd", "x", "", "http://", "data:text/plain,x", "http://a:b/"]
)
def test_other_than_http_is_refused(url: Any) -> None:
    with pytest.raises(InvalidArguments, match="URL"):
        parse_url(url)


def test_a_redirect_is_relative_to_where_it_came_from() -> None:
    assert join_url("https://a.com/x/y", "../z#end").url == "https://a.com/z"
    assert join_url("https://a.com/x", "//b.com:81").port == 81
    for link in ("ftp://b.com/", "http://"):
        with pytest.raises(InvalidArguments):
            join_url("https://a.com/", link)
