"""Which plain HTTP calls certainly go through no proxy, by the variables of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


class Proxies:
    """Reads `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not, at once; of two spellings capitals win."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._is_set = any(_variable(environment, name) for name in ("HTTP_PROXY", "ALL_PROXY"))
        excluded = environment.get("NO_PROXY", environment.get("no_proxy", ""))
        self._excluded = [entry for entry in map(str.strip, excluded.lower().split(",")) if entry]

    def surely_none(self, url: str) -> bool:
        """Whether no proxy is set for `http://`, or the URL's host is excluded. In doubt it says False."""
        if not self._is_set:
            return True
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return any(_excludes(entry, host) for entry in self._excluded)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _excludes(entry: str, host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        domain = entry.removeprefix(".")
        return entry == "*" or host == domain or host.endswith("." + domain)
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
