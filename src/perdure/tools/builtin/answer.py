"""An HTTP answer as a tool's output: status, the headers that matter, and the body as text, data or a file."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from perdure.base.messages import File, Image, Part, Text
from perdure.base.redaction import Known

from ..fetch.port import FetchResponse, Target
from ..port import ToolOutput
from ..result import to_plain

_SHOWN = ("content-type", "location", "etag", "last-modified", "retry-after", "link", "allow")
_HIDDEN = ("set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate")
_TEXTUAL = ("json", "xml", "javascript", "x-www-form-urlencoded", "yaml", "csv", "toml", "graphql")
_TELLING = ("auth", "key", "token", "secret", "cookie", "password")


def own_secrets(headers: Mapping[str, str], *more: str) -> Known:
    """The configured credentials, to be taken out of what an echoing server sends back."""
    known = Known(least=6)
    known.add(lambda: [*more, *(value for name, value in headers.items() if any(word in name for word in _TELLING))])
    return known


def read_answer(method: str, target: Target, response: FetchResponse, secrets: Known) -> ToolOutput:
    """The output for the model: a head such as `200 OK`, then the body. The value has status, url, headers, and `json`
    where the body is JSON; an answer of 400 and above is marked as an error."""
    media_type, charset = _content_type(response.header("content-type"))
    headers = {name: secrets.hide(value) for name, value in response.headers if name not in _HIDDEN}
    value = {"status": response.status, "url": secrets.hide(target.url), "headers": headers}
    head = [_status(response.status), *(f"{name}: {headers[name]}" for name in _SHOWN if name in headers)]
    parts: tuple[Part, ...] = ()
    text = ""
    if response.body and method != "HEAD":
        if _is_text(media_type, response.body):
            text = secrets.hide(_decode(response.body, charset))
            if not response.cut and (media_type.endswith("json") or not media_type):
                try:
                    value["json"] = to_plain(msgspec.json.decode(text))
                except msgspec.DecodeError:
                    pass  # not what it says it is: the text shows it
        else:
            kind = Image if media_type.startswith("image/") else File
            parts = (kind(media_type=media_type or "application/octet-stream", data=response.body),)
    if response.cut:
        head.append(f"(the body is longer than {len(response.body):,} bytes and was cut there)")
    return ToolOutput((Text("\n".join([*head, *(["", text] if text else [])])), *parts), value, response.status >= 400)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _content_type(header: str) -> tuple[str, str]:
    media_type, *parameters = (piece.strip() for piece in header.lower().split(";"))
    charset = next((piece[8:].strip("\"'") for piece in parameters if piece.startswith("charset=")), "utf-8")
    return media_type, charset


def _is_text(media_type: str, body: bytes) -> bool:
    if media_type.startswith("text/") or media_type.endswith(_TEXTUAL):
        return True
    if media_type:
        return False
    try:
        body[:1024].decode()
    except UnicodeDecodeError as error:
        return error.start > 1020  # cut in the middle of a character
    return b"\0" not in body[:1024]


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, errors="replace")
    except LookupError:
        return body.decode(errors="replace")
