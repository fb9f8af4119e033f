"""Paths: tuples of names. Whatever could mean another place than it shows is refused, never repaired.

As a tuple a path is compared name by name, so `/walletx` cannot be taken for something in `/wallet`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias
from unicodedata import category, is_normalized, normalize

from perdure.base.errors import InvalidPath

Path: TypeAlias = tuple[str, ...]

MAX_PATH = 4096
"""Bytes of UTF-8 in a whole path."""
MAX_NAME = 255
"""Bytes of UTF-8 in one name."""

ROOT: Path = ()

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.@:+,= -]*")
_ENCODED = r"(?i)%(25)*(2e|2f|5c|[01][0-9a-f]|7f|c[01]|[ef]0%8|u[0-9a-f]{4})"
_SLASHES = frozenset("\u1735\u2041\u2044\u2215\u2571\u27cb\u29f8\u2cc6\u2f03\u3033\u31d3\U0001d23a")
_BACKSLASHES = frozenset("\u2216\u27cd\u29f5\u29f9\u2f02\u31d4\U0001d20f\U0001d23b")
_DOTS = frozenset(".\u00b7\u0660\u06f0\u0701\u0702\u2027\u22c5\u3002\ua4f8\ua60e\uff61\U00010a50\U0001d16d")
_JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them


@lru_cache(maxsize=1024)
def parse(text: str) -> Path:
    """The names in an absolute path such as `/agents/a/status`; one slash at the end is allowed. Raises InvalidPath."""
    if not text.startswith("/"):
        raise _invalid(text, "it does not begin with /")
    if len(text) > MAX_PATH:
        raise _invalid(text, f"it is longer than {MAX_PATH} bytes")
    names = text[1:].removesuffix("/").split("/")
    if names == [""]:
        if len(text) > 1:
            raise _invalid(text, "a name in it is empty")
        return ROOT
    for name in names:
        why = what_is_wrong(name)
        if why:
            raise _invalid(text, why)
    if not text.isascii() and len(text.encode()) > MAX_PATH:
        raise _invalid(text, f"it is longer than {MAX_PATH} bytes")
    return tuple(names)


def show(path: Path) -> str:
    """The path as text; the root is `/`."""
    return "/" + "/".join(path)


def what_is_wrong(name: str) -> str:
    """Why this cannot be a name in a path, in a few words; "" where it can."""
    if len(name) <= MAX_NAME and _PLAIN.fullmatch(name):
        return ""
    if not name:
        return "a name in it is empty"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if size > MAX_NAME:
        return f"a name in it is longer than {MAX_NAME} bytes"
    if name in (".", ".."):
        return f"{name} leads somewhere else; write the path in full"
    if "/" in name or "\\" in name:
        return "a name cannot hold a slash or a backslash"
    if re.search(_ENCODED, name):
        return "it holds percent-encoded dots, separators or control characters"
    return _what_is_odd(name)


def _what_is_odd(name: str) -> str:
    if any(category(letter) in ("Cc", "Cf", "Zl", "Zp") and letter not in _JOINERS for letter in name):
        return "it holds a control character or an invisible one"
    if name.isascii():
        return ""
    if not is_normalized("NFC", name):
        return "it is not in Unicode's normal form NFC"
    for letter in name:
        if not letter.isascii():
            folded = normalize("NFKC", letter)
            if letter in _SLASHES or letter in _BACKSLASHES or any(mark in folded for mark in "./\\\u2044"):
                return f"it holds U+{ord(letter):04X}, which looks like a dot or a slash"
    if _DOTS.issuperset(name.translate({ord(joiner): None for joiner in _JOINERS})):
        return "it holds nothing but what looks like dots"
    return ""


def _invalid(text: str, why: str) -> InvalidPath:
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    return InvalidPath(f"it is not a path: {why}", path=ascii(shown)[1:-1])
