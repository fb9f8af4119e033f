"""URLs, read by the HTTP client's own parser: two parsers that differ are how allow-lists are fooled."""

from __future__ import annotations

from pyreqwest.http import Url

from perdure.base.errors import InvalidArguments

from .port import Target


def parse_url(url: str) -> Target:
    """Take an absolute http or https URL apart. Raises InvalidArguments for any other."""
    try:
        parsed = Url(url)
    except ValueError as error:
        raise InvalidArguments(f"not a URL: {url!r} ({error})") from error
    host, port = parsed.host_str, parsed.port_or_known_default
    if parsed.scheme not in ("http", "https") or not host or port is None:
        raise InvalidArguments(f"not an http or https URL: {url!r}")
    if host.endswith("."):  # the same host by another name, which no list and no look-up would know
        parsed, host = parsed.with_host(host.rstrip(".")), host.rstrip(".")
    text = str(parsed.with_fragment(None))
    return Target(text, parsed.scheme, host.strip("[]"), port, bool(parsed.username or parsed.password))


def join_url(base: str, link: str) -> Target:
    """Where a redirect's Location leads. Raises InvalidArguments where it is no http or https URL."""
    try:
        return parse_url(str(Url(base).join(link)))
    except ValueError as error:
        raise InvalidArguments(f"redirected to what is not a URL: {link!r}") from error


def add_query(url: str, query: dict[str, str]) -> str:
    """The URL with these parameters after its own."""
    return str(Url(url).extend_query(query)) if query else url
