"""The application: every endpoint under its path, behind the door, inside the edge."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Match, Route, Router
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

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        endpoint = self._by_method.get(scope["method"])
        if endpoint is None:
            allowed = sorted(self._by_method)
            raise WrongMethod(f"{scope['path']} cannot be asked to {scope['method']}", allowed=allowed)
        return endpoint(self._site, scope, receive, send)


class Paths:
    """Routes in their order. A path without fields is found at once where no route before its own answers it too."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._router = Router(routes, redirect_slashes=False, default=_nothing_here)
        self._known: dict[str, Resource] = {}
        for route in routes:
            if isinstance(route, Route) and isinstance(route.endpoint, Resource) and "{" not in route.path:
                scope = {"type": "http", "path": route.path, "method": "GET"}
                first = next(one for one in routes if one.matches(scope)[0] is not Match.NONE)
                if first is route:
                    self._known[route.path] = route.endpoint

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        resource = self._known.get(scope["path"])
        if resource is None:
            return self._router(scope, receive, send)
        scope["endpoint"], scope["path_params"] = resource, {}
        return resource(scope, receive, send)


def application(site: Site, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """What an ASGI server is handed. `more` are routes of other makers, behind the same door: what
    `request.state.principal` may there is for them to say."""
    paths: dict[str, list[Endpoint[Any, Any]]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, []).append(endpoint)
    routes = [Route(path, Resource(site, path, found)) for path, found in paths.items()]
    settings = site.settings
    door = Door(
        Paths([*more, *routes]),
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
