"""The application: every endpoint under its path, behind the door, inside the edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from perdure.base.errors import NoSuchRoute, WrongMethod

from .cors import Cors
from .crowd import Crowd
from .door import Door
from .edge import Edge
from .endpoint import Endpoint
from .endpoints import ENDPOINTS
from .rates import Rates, parse_rate
from .site import Site


class Resource:
    """All endpoints of one path, by method. HEAD is GET without the content where nothing else answers it."""

    def __init__(self, site: Site, path: str, endpoints: Iterable[Endpoint[Any, Any]]) -> None:
        self._site = site
        self.path = path
        self._by_method: dict[str, Endpoint[Any, Any]] = {endpoint.method: endpoint for endpoint in endpoints}
        if "GET" in self._by_method:
            self._by_method.setdefault("HEAD", self._by_method["GET"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._by_method.get(scope["method"])
        if endpoint is None:
            allowed = sorted(self._by_method)
            raise WrongMethod(f"{scope['path']} cannot be asked to {scope['method']}", allowed=allowed)
        await endpoint(self._site, scope, receive, send)


def application(site: Site, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """What an ASGI server is handed. `more` are routes of other makers, behind the same door: what
    `request.state.principal` may there is for them to say."""
    paths: dict[str, list[Endpoint[Any, Any]]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, []).append(endpoint)
    routes = [Route(path, Resource(site, path, found)) for path, found in paths.items()]
    router = Router([*more, *routes], redirect_slashes=False, default=_nothing_here)
    settings = site.settings
    door = Door(
        router,
        site.access,
        hosts=settings.hosts,
        origins=settings.origins,
        rates=Rates(parse_rate(settings.rate), site.runtime.clock) if settings.rate else None,
        open_paths=[endpoint.path for endpoint in ENDPOINTS if endpoint.is_open],
    )
    edge = Edge(Crowd(door, settings.in_flight), site)
    return Cors(edge, settings.origins) if settings.origins else edge


async def _nothing_here(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    raise NoSuchRoute(f"there is no {scope['path']}")
