"""An endpoint: what a request is made of, the function that answers it, and what it answers, all as structs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from perdure.base.errors import PerdureError, Unauthorized
from perdure.base.traceparent import read_traceparent, read_tracestate
from perdure.control.principal import Principal
from perdure.control.principal import Scope as KeyScope
from perdure.control.runtime import Runtime

from .body import decode, decode_query, read
from .problems import problem
from .reply import JSON, Events, Reply
from .sending import send_reply
from .site import Site
from .sse import stream

B = TypeVar("B")
Q = TypeVar("Q")
AgentId: TypeAlias = Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.@-]{0,127})?$(?!\n)")]
"""The id of an agent, "" for none."""
Cursor: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{0,18}$(?!\n)", description="The `next` of the page before.")]
Method: TypeAlias = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query, or no fields in a body."""


class Call(Generic[B, Q]):
    """One request. `principal` is who asks, None for anybody where an endpoint is open; header names are in lower
    case."""

    __slots__ = ("body", "headers", "path", "principal", "query", "site")

    def __init__(
        self,
        site: Site,
        path: Mapping[str, str],
        query: Q,
        body: B,
        headers: Mapping[bytes, bytes],
        principal: Principal | None,
    ) -> None:
        self.site = site
        self.path = path
        self.query = query
        self.body = body
        self.headers = headers
        self.principal = principal

    @property
    def runtime(self) -> Runtime:
        return self.site.runtime

    @property
    def who(self) -> str:
        """Whom the decisions in this request are recorded as."""
        return "anybody" if self.principal is None else self.principal.name

    @property
    def traceparent(self) -> str:
        """The trace that the client is in, "" where it says none that can be read."""
        said = self.headers.get(b"traceparent", b"").decode("latin-1").strip()
        return said if said and read_traceparent(said) is not None else ""

    @property
    def tracestate(self) -> str:
        """What other tracing systems say of that trace, "" where there is none or it cannot be read."""
        said = self.headers.get(b"tracestate", b"")
        return read_tracestate(said.decode("latin-1")) if said and self.traceparent else ""

    def header(self, name: str) -> str:
        """The header's value, "" where it was not sent."""
        return self.headers.get(name.encode(), b"").decode("latin-1")


class Endpoint(Generic[B, Q]):
    """`body` is the type that a JSON body is read as, `bytes` for one of any kind, None where there is none. `answer`
    is what a success gives, or that of the type `media`, and `also` what it gives under other statuses, for the
    description. `scope` is what a key needs to ask here; what `is_open` asks for none, and anybody may. `told` puts a
    problem into the shape that clients of this endpoint read."""

    def __init__(
        self,
        method: Method,
        path: str,
        handler: Callable[[Call[B, Q]], Awaitable[Any]],
        *,
        body: type[B] | None = None,
        query: type[Q] = Nothing,  # type: ignore[assignment]
        scope: KeyScope = "admin",
        answer: Any = None,
        status: int = 200,
        media: str = JSON,
        also: Mapping[int, Sequence[type[Any]]] = {},
        streams: bool = False,
        is_open: bool = False,
        told: Callable[[Reply], Reply] | None = None,
    ) -> None:
        self.method: Method = method
        self.path = path
        self.handler = handler
        self.body = body
        self.query = query
        self.scope: KeyScope = scope
        self.answer = answer
        self.status = status
        self.media = media
        self.also = also
        self.streams = streams
        self.is_open = is_open
        self.told = told
        self._decoder = msgspec.json.Decoder(body) if body is not None and body is not bytes else None
        self._no_query = query() if query is Nothing else None

    def __call__(self, site: Site, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        answer = self._answer(site, scope, receive, send)
        return answer if self.told is None else _telling(self.told, answer, send)

    async def _answer(self, site: Site, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope["state"]["principal"]
        if not self.is_open:
            if principal is None:
                raise Unauthorized("this needs a key")
            principal.require(self.scope)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body: Any = None
        if self.body is not None:
            body = await read(receive, headers, site.settings.max_body)
            if self._decoder is not None:
                body = decode(body, headers, self._decoder)
        sent = scope["query_string"]
        query = self._no_query if not sent and self._no_query is not None else decode_query(sent, self.query)
        call = Call(site, scope["path_params"], query, body, headers, principal)
        answer = await self.handler(call)
        if isinstance(answer, Events):
            await stream(answer, site, receive, send)
        elif isinstance(answer, Reply):
            await send_reply(answer, send)
        else:
            await send_reply(Reply(answer, self.status), send)


async def _telling(told: Callable[[Reply], Reply], answer: Awaitable[None], send: Send) -> None:
    try:
        await answer
    except PerdureError as error:
        await send_reply(told(problem(error)), send)
