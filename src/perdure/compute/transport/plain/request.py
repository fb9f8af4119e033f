"""The bytes of a request: where its URL leads, and a head that no header can add a line to."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from perdure.base.errors import ConfigError

_HOST = re.compile(r"[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+(%[0-9A-Za-z._~-]+)?\]")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*"
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_IN_PATH = "".join(sorted(set(_VISIBLE) - set('"#<>?\\`{}')))
_IN_QUERY = "".join(sorted(set(_VISIBLE) - set("\"#'<>")))
_FRAMING = ("content-length", "transfer-encoding")  # said twice and differently, they end a request where it does not
_ALWAYS = {"user-agent": "perdure", "accept": "*/*", "accept-encoding": "identity"}


class Target(msgspec.Struct, frozen=True, eq=False):
    """Where a URL leads. `place` is the part of it that can hold no key, for messages."""

    host: str
    port: int
    path: str
    headers: dict[str, str]
    place: str


@lru_cache(256)
def parse_target(url: str) -> Target:
    """Raises ConfigError for what is no `http://` URL. Name and password become Basic authorization."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode()
    except ValueError:  # its text may hold a key
        raise _no_url(url) from None
    named = f"[{host}]" if ":" in host else host
    if parts.scheme != "http" or port == 0 or not _HOST.fullmatch(named):
        raise _no_url(url)
    path = quote(parts.path, safe=_IN_PATH) or "/"
    if parts.query:
        path += "?" + quote(parts.query, safe=_IN_QUERY)
    address = re.sub("%.*]", "]", named) + (f":{port}" if port not in (None, 80) else "")
    headers = {"host": address, **_ALWAYS, **_basic(parts)}
    return Target(host, port or 80, path, headers, f"http://{address}")


def render_head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    """The head of a POST with a body of `length` bytes; `headers` go before what is said by default.

    Raises ConfigError for a header that cannot be sent, without its text, which may be a secret.
    """
    return b"%bcontent-length: %d\r\n\r\n" % (_lines(target, *headers.items()), length)


@lru_cache(256)
def _lines(target: Target, *headers: tuple[str, str]) -> bytes:
    """All lines but the last: the same for every call of a model."""
    said = target.headers.copy()
    for name, text in headers:
        if not (text.isascii() and text.isprintable()) and not re.fullmatch(_VALUE, text):
            raise ConfigError(f"{target.place}: the header {name!r} cannot be sent: it is not one line of text")
        said[_sendable(name)] = text
    lines = [f"{name}: {text}\r\n" for name, text in said.items()]
    return f"POST {target.path} HTTP/1.1\r\n{''.join(lines)}".encode()


def _sendable(name: str) -> str:
    lower = name.lower()
    if not _NAME.fullmatch(name) or lower in _FRAMING:
        raise ConfigError(f"the header {name!r} cannot be sent")
    return lower


def _basic(parts: SplitResult) -> dict[str, str]:
    if parts.username is None and parts.password is None:
        return {}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"authorization": "Basic " + b64encode(pair.encode()).decode()}


def _no_url(url: str) -> ConfigError:
    start, slashes, rest = url.partition("://")
    shown = (
        start + slashes + re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2] if slashes else "what was given"
    )
    return ConfigError(f"{shown} is not an http URL")
