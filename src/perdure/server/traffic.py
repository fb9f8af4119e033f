"""What came in at the door, counted by the route that answered: of these there are only so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from perdure.base.histogram import Histogram

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
OTHER = "other"


class Traffic:
    """`requests` by method, route and status; `seconds` of those that were no streams, of which `streams` are open."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[str, Histogram] = {}
        self.streams = 0

    def note(self, scope: Mapping[str, Any], status: int, seconds: float, *, streamed: bool) -> None:
        """A request came to its end."""
        route = getattr(scope.get("endpoint"), "path", OTHER)
        method = scope["method"]
        self.requests[method if method in _METHODS else OTHER, route, status] += 1
        if not streamed:
            found = self.seconds.get(route)
            if found is None:
                found = self.seconds[route] = Histogram()
            found.observe(seconds)
