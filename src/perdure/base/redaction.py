"""What nobody is to read: keys and passwords, taken out of whatever is shown, logged or sent away.

A secret is one for the whole process, whichever project it came with: those that are known (`keep_secret`) are found
wherever they stand, others by their shape, and by the name that they stand under.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

REDACTED = "[redacted]"
LEAST = 8
"""Characters of a secret, where nobody says otherwise. Shorter ones would be found everywhere, and say nothing."""

_TELLING = r"(?i)(^|[_.-])(api[_-]?key|key|token|secret|passw(or)?d|credentials?)s?($|[_.-])"
_FIELD = (
    r"(?i)(proxy-)?authorization|(set-)?cookie|(x-)?api[_-]?key|x-goog-api-key|(client[_-]?|signing[_-]?)?secret"
    r"|passw(or)?d|(access|refresh|id|bearer|auth)[_-]?token|token|private[_-]?key|credentials?"
)
_SHAPES = (
    r"(?s)\b(?:"
    r"(?:sk|rk|pk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{16,}[\w-]*"  # OpenAI, Anthropic, Stripe, …
    r"|whsec_[\w+/=-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|(?:hf|npm|gsk|xai|pdr)_[\w-]{20,}|xai-[\w-]{20,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"  # JSON Web Tokens (RFC 7519)
    r")"
    r"|(?i:\b(bearer|basic)\s+)(?=[\w+/.~-]*\d)[\w+/.~-]{12,}=*"  # the Authorization header (RFC 9110 §11.6.2)
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # user and password in a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_REPEATED = r"\b(?:sk|pk|rk|gsk|xai|AIza|Bearer)[-_ ]?[\w\-.*]{8,}"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Made when something is hidden first: most processes come to no error."""
    return re.compile(text)


class Known:
    """Values that are known to be secret, and what finds them. They are asked for when something is hidden first."""

    def __init__(self, least: int = LEAST) -> None:
        self._least = least
        self._sources: list[Callable[[], Iterable[str]]] = []
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, source: Callable[[], Iterable[str]]) -> None:
        self._sources.append(source)

    def hide(self, text: str) -> str:
        while self._sources:
            self._take(self._sources.pop())
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)

    def _take(self, source: Callable[[], Iterable[str]]) -> None:
        said = {value.strip() for value in source()}
        bare = {value.partition(" ")[2].strip() for value in said}  # behind a scheme, as in `Bearer …`
        fresh = {value for value in said | bare if len(value) >= self._least} - self._values
        if fresh:
            self._values |= fresh
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))


_KNOWN = Known()


def keep_secret(source: Callable[[], Iterable[str]]) -> None:
    """Let what `source` gives be hidden from now on, also where it stands behind a scheme as in `Bearer …`."""
    _KNOWN.add(source)


def secrets_of(environment: Mapping[str, str], named: Iterable[str] = ()) -> list[str]:
    """Values of the variables whose names say that they are secret, as `OPENAI_API_KEY` does, and of those `named`."""
    wanted = frozenset(named)
    return [value for name, value in environment.items() if name in wanted or _pattern(_TELLING).search(name)]


def secret_fields(fields: Mapping[str, str]) -> list[str]:
    """What stands under names such as `authorization`."""
    return [value for name, value in fields.items() if _is_telling(name) or _pattern(_TELLING).search(name)]


def hide(text: str) -> str:
    """The text without its secrets."""
    return _pattern(_SHAPES).sub(_hidden, _KNOWN.hide(text))


def hide_keys(text: str) -> str:
    """What a server said of a key that it refused, without what it repeats of it: short, cut or starred as it is."""
    return re.sub(_REPEATED, REDACTED, text)


def hide_in(value: Any) -> Any:
    """Plain data without its secrets: in texts, and whatever text stands under a name such as `password`."""
    match value:
        case str():
            return hide(value)
        case dict():
            return {name: _under(name, inside) for name, inside in value.items()}
        case list() | tuple():
            return [hide_in(inside) for inside in value]
        case _:
            return value


def _under(name: Any, value: Any) -> Any:
    if isinstance(value, (str, bytes)) and value and isinstance(name, str) and _is_telling(name):
        return REDACTED
    return hide_in(value)


def _is_telling(name: str) -> bool:
    return _pattern(_FIELD).fullmatch(name) is not None


def _hidden(found: re.Match[str]) -> str:
    scheme = found[1]
    return f"{scheme} {REDACTED}" if scheme else REDACTED
