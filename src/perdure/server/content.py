"""Content as HTTP has it: what it is, a tag for just this content, the parts of it that are asked for (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from perdure.base.codec import digest_bytes
from perdure.base.errors import PreconditionFailed, RangeNotSatisfiable

from .reply import JSON, Reply

TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
NAMED = {
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown; charset=utf-8",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
"""Of text, by the end of its name. Nothing that a browser would execute: who writes here is no author of this site."""
BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
HEADERS = {
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "content-security-policy": "sandbox; default-src 'none'",
}
_RANGE = re.compile(r"bytes *= *(\d*) *- *(\d*) *", re.IGNORECASE | re.ASCII)

Header = Callable[[str], str]
"""The value of a request's header, "" where it was not sent."""


def answer(content: bytes, media_type: str, header: Header) -> Reply:
    """The content, the part of it that is asked for, or that it is what the client has already. Raises
    PreconditionFailed, RangeNotSatisfiable."""
    tag = tag_of(content)
    headers = {**HEADERS, "etag": tag}
    check_match(tag, header)
    if _names(header("if-none-match"), tag, weakly=True):
        return Reply(status=304, headers=headers)
    part = _part(header, tag, len(content))
    if part is None:
        return Reply(content, headers=headers, media_type=media_type)
    headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return Reply(content[part.start : part.stop], 206, headers, media_type)


def tag_of(content: bytes) -> str:
    return f'"{digest_bytes(content)}"'


def check_match(tag: str, header: Header) -> None:
    """Raise PreconditionFailed where `If-Match` wants other content than that with this tag."""
    wanted = header("if-match")
    if wanted and not _names(wanted, tag):
        raise PreconditionFailed("this is not the content that is wanted", etag=tag)


def _names(wanted: str, tag: str, *, weakly: bool = False) -> bool:
    """Whether a list of tags, or `*`, has this one."""
    listed = [one.strip() for one in wanted.split(",")]
    return "*" in listed or tag in ([one.removeprefix("W/") for one in listed] if weakly else listed)


def _part(header: Header, tag: str, size: int) -> range | None:
    """The bytes that are asked for; None for all, as of what is changed since, and of what is no range of one part.
    Raises RangeNotSatisfiable."""
    found = _RANGE.fullmatch(header("range").strip())
    if found is None or header("if-range").strip() not in ("", tag):
        return None
    first, last = found[1][:18], found[2][:18]
    if not first and not last:
        return None
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < begin:
            return None
    if begin >= size or begin >= end:
        raise RangeNotSatisfiable(f"it has {size:,} bytes", size=size)
    return range(begin, end)


def kind_of(name: str, content: bytes) -> str:
    """The media type of content, as nothing in the namespace says what it is."""
    for beginning, kind in BEGINNINGS:
        if content.startswith(beginning):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return BINARY
    if "\0" in text:
        return BINARY
    place = name.rfind(".")
    named = NAMED.get(name[place:].lower(), TEXT) if place >= 0 else TEXT
    if named != TEXT or text[:1] not in ("{", "[", '"'):
        return named
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return TEXT
    return JSON
