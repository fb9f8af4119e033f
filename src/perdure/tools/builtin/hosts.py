"""Which hosts a tool may reach: an allow-list of names, and never a private network by the back door."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from perdure.base.errors import ConfigError, InvalidArguments, ToolDenied

from ..fetch.port import Target
from ..fetch.url import parse_url

_NAT64 = IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Hosts:
    """The allow-list. `api.example.com` and `*.example.com` (any name below it) allow the default ports, `host:8080`
    that port of exactly this host, private address or not; `*` allows every public host. Empty allows nothing."""

    def __init__(self, allow: tuple[str, ...]) -> None:
        self._shown = ", ".join(allow) or "none"
        self._exact: set[str] = set()
        self._below: list[str] = []
        self._with_port: set[tuple[str, int]] = set()
        self._any = False
        for entry in allow:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        name = entry.removeprefix("*.")
        if entry == "*":
            self._any = True
            return
        try:
            target = parse_url(f"http://{name}/")
        except InvalidArguments as error:
            raise ConfigError(f"not a host: {entry}") from error
        if "*" in name or "/" in name or "@" in name or not name:
            raise ConfigError(f"not a host: {entry}", hint="Write api.example.com, *.example.com or localhost:8080.")
        has_port = target.port != 80 or name.endswith(":80")
        if has_port and entry != name:
            raise ConfigError(f"a wildcard with a port is not supported: {entry}")
        if has_port:
            self._with_port.add((target.host, target.port))
        elif entry != name:
            self._below.append(f".{target.host}")
        else:
            self._exact.add(target.host)

    def check(self, target: Target) -> None:
        """Raise ToolDenied unless this target is on the list."""
        if target.userinfo:
            raise ToolDenied("a URL with a user name or password in it is not allowed")
        if (target.host, target.port) in self._with_port:
            return
        if target.port == _DEFAULT_PORTS[target.scheme] and (
            self._any or target.host in self._exact or target.host.endswith(tuple(self._below))
        ):
            return
        raise ToolDenied(f"the host {target.host}:{target.port} is not allowed; allowed: {self._shown}")

    def check_address(self, target: Target, address: str) -> None:
        """Raise ToolDenied for an address in a private network, unless host and port are on the list by name."""
        if (target.host, target.port) not in self._with_port and not is_public(address):
            raise ToolDenied(
                f"{target.host} leads to the private address {address}",
                hint=f"Allow {target.host}:{target.port} with its port, if it is meant to be reached.",
            )


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, seeing through IPv6 forms that carry an IPv4 address."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is None and ip.teredo is not None:
            return False
        ip = inner or ip
    return ip.is_global and not ip.is_multicast
