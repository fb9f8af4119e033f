"""What a licence asks of those who build on it, read from what a package says about itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from .packages import Package

Kind: TypeAlias = Literal["missing", "permissive", "weak copyleft", "copyleft"]
_STRICTNESS: tuple[Kind, ...] = ("permissive", "weak copyleft", "copyleft")

_WEAK = re.compile(
    r"\bLGPL|\bMPL\b|\bEPL\b|\bCDDL\b|\bLesser General Public|\bLibrary General Public|Mozilla Public|Eclipse Public",
    re.I,
)
_STRONG = re.compile(
    r"\bA?GPL|\bEUPL\b|\bOSL\b|\bSSPL\b|\bCC-BY-SA|Affero|\bGNU General Public|European Union Public|ShareAlike", re.I
)
_EXPRESSION = re.compile(r"\(|\)|[^\s()]+")
_NOTHING = ("", "UNKNOWN", "NONE", "LICENSE", "LICENCE")

_TEXTS = (
    ("AGPL", r"GNU AFFERO GENERAL PUBLIC LICENSE"),
    ("LGPL", r"GNU (?:LESSER|LIBRARY) GENERAL PUBLIC LICENSE"),
    ("GPL", r"GNU GENERAL PUBLIC LICENSE"),
    ("MPL", r"Mozilla Public License"),
    ("Apache-2.0", r"Apache License,?\s+Version 2\.0"),
    ("MIT", r"Permission is hereby granted, free of charge"),
    ("BSD", r"Redistribution and use in source and binary forms"),
    ("ISC", r"Permission to use, copy, modify, and(?:/or)? distribute this software"),
    ("PSF-2.0", r"PYTHON SOFTWARE FOUNDATION LICENSE"),
)


def licence_of(package: Package) -> str:
    """What the package's metadata names as its licence, in a line; "" where it names none."""
    if package.expression:
        return package.expression
    first = package.licence.strip().partition("\n")[0].strip()
    if first.upper() not in _NOTHING:
        return first if len(first) <= 60 else licence_in(package.licence) or f"{first[:59]}…"
    named = [one.rpartition(" :: ")[2] for one in package.classifiers if one != "License :: OSI Approved"]
    return " and ".join(named)


def licence_in(text: str) -> str:
    """The licence whose well-known words stand at the head of a text; "" for none that is known here."""
    head = text[:4_000]
    return next((name for name, words in _TEXTS if re.search(words, head, re.IGNORECASE)), "")


def kind_of(licence: str) -> Kind:
    """What a licence asks. Of alternatives (`OR`) the mildest counts, of parts (`AND`) the strictest."""
    if not licence:
        return "missing"
    words = _EXPRESSION.findall(licence)
    if any(word in ("AND", "OR", "WITH") for word in words):
        return _STRICTNESS[_either(iter([*words, ")"]))]
    return _STRICTNESS[_strictness(licence)]


def _either(words: Iterator[str]) -> int:
    """The strictness of an SPDX expression, up to the bracket that closes it."""
    mildest: list[int] = []
    strictest = 0
    for word in words:
        match word:
            case ")":
                break
            case "(":
                strictest = max(strictest, _either(words))
            case "OR":
                mildest.append(strictest)
                strictest = 0
            case "AND":
                pass
            case "WITH":
                next(words, "")
                strictest = min(strictest, 1)  # an exception to a copyleft licence is there to allow linking
            case _:
                strictest = max(strictest, _strictness(word))
    return min([*mildest, strictest])


def _strictness(text: str) -> int:
    return 2 if _STRONG.search(text) else 1 if _WEAK.search(text) else 0
