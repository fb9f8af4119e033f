"""`http`: requests to the hosts that are allowed, with credentials that neither model nor journal sees."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from perdure.base.duration import parse_duration
from perdure.base.errors import ConfigError, InvalidArguments, ToolDenied, ToolFailed
from perdure.base.traceparent import outgoing
from perdure.kernel.classes import EffectClass
from perdure.kernel.context import Context

from ..fetch.lazy import LazyFetch
from ..fetch.port import Fetch, FetchRequest, FetchResponse
from ..fetch.url import add_query, join_url, parse_url
from ..function import FunctionTool
from ..port import Probe, Tool, ToolOutput, Unsure
from .answer import own_secrets, read_answer
from .hosts import Hosts
from .port import Builtin, Options, Setting

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MAX_REDIRECTS = 5

_REDIRECTS = (301, 302, 303, 307, 308)
_OURS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "idempotency-key")
_ASIDE = ("authorization", "cookie", "proxy-authorization")


class Basic(Options, frozen=True):
    user: str
    password: str


class Auth(Options, frozen=True):
    """One of the two. The credentials are sent to every allowed host, and never shown to the model."""

    bearer: str = ""
    basic: Basic | None = None


class HttpOptions(Options, frozen=True):
    """`allow` lists hosts (see Hosts); `headers` and `auth` go with every request; `max_bytes` bounds an answer."""

    allow: tuple[str, ...] = ()
    methods: tuple[str, ...] = METHODS
    headers: dict[str, str] = {}
    auth: Auth | None = None
    timeout: str | float = "30s"
    max_bytes: int = 1024 * 1024
    name: str = "http"
    description: str = ""


class HttpTool:
    """The tool. GET, HEAD and OPTIONS are `read`; other methods are `idempotent`, by an Idempotency-Key header."""

    def __init__(self, options: HttpOptions, fetch: Fetch) -> None:
        methods = tuple(method.upper() for method in options.methods)
        unknown = [method for method in methods if method not in METHODS]
        if unknown or not methods:
            raise ConfigError(f"not an HTTP method: {', '.join(unknown) or 'none'}", hint=f"Use {', '.join(METHODS)}.")
        self._hosts = Hosts(options.allow)
        self._fetch = fetch
        self._limit = options.max_bytes
        self._own = {name.lower(): value for name, value in options.headers.items()}
        if options.auth is not None:
            self._own["authorization"] = _credentials(options.auth)
        self._secrets = own_secrets(
            self._own, options.auth.basic.password if options.auth and options.auth.basic else ""
        )
        self._default = "GET" if "GET" in methods else methods[0]

        async def http(
            url: str,
            method: str = self._default,
            query: dict[str, str | int | float | bool] | None = None,
            headers: dict[str, str] | None = None,
            json: Any = None,
            body: str | None = None,
            *,
            key: str,
        ) -> ToolOutput:
            """Make an HTTP request.

            Args:
                url: The absolute URL, http or https.
                method: The HTTP method.
                query: Parameters to add to the URL's query.
                headers: Headers to send.
                json: Data to send as a JSON body.
                body: Text to send as the body, instead of json.
            """
            return await self._request(url, method, query or {}, headers or {}, json, body, key)

        http.__annotations__["method"] = Literal[methods]
        self._tool = FunctionTool(
            http,
            name=options.name,
            description=options.description
            or f"Make an HTTP request. Allowed hosts: {', '.join(options.allow) or 'none'}.",
            effect="read" if set(methods) <= set(SAFE) else "idempotent",
            timeout=parse_duration(options.timeout) / 1000,
            builtin=True,
        )
        self.definition = self._tool.definition
        self.effect = self._tool.effect
        self.timeout_ms = self._tool.timeout_ms
        self.source_digest = ""

    def check(self, arguments: Mapping[str, Any]) -> None:
        given = self._tool.load(_normal(arguments))
        self._hosts.check(parse_url(given["url"]))
        taken = [name for name in given.get("headers") or () if name.lower() in (*_OURS, *self._own)]
        if taken:
            raise InvalidArguments(f"these headers are set for you and cannot be given: {', '.join(taken)}")
        if given.get("json") is not None and given.get("body") is not None:
            raise InvalidArguments("give json or body, not both")

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        return "read" if _normal(arguments).get("method", self._default) in SAFE else self.effect

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        self.check(arguments)
        return await self._tool.call(_normal(arguments), key=key, ctx=ctx)

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        return Unsure()

    async def _request(
        self,
        url: str,
        method: str,
        query: dict[str, str | int | float | bool],
        headers: dict[str, str],
        json: Any,
        body: str | None,
        key: str,
    ) -> ToolOutput:
        content, content_type = _body(json, body)
        given = {name.lower(): value for name, value in headers.items()}
        if content is not None:
            given.setdefault("content-type", content_type)
        if method not in SAFE:
            given["idempotency-key"] = key
        given |= outgoing()
        target = parse_url(add_query(url, {name: _parameter(value) for name, value in query.items()}))
        sent = {**given, **self._own}
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send(FetchRequest(method, target, tuple(sent.items()), content, self._limit))
            location = response.header("location")
            if response.status not in _REDIRECTS or not location:
                return read_answer(method, target, response, self._secrets)
            onward = join_url(target.url, location)
            if (onward.scheme, onward.host, onward.port) != (target.scheme, target.host, target.port):
                # Credentials were meant for the host that was asked, whoever it sends us to.
                sent = {name: value for name, value in given.items() if name not in _ASIDE}
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, content = "GET" if method != "HEAD" else method, None
                sent = {name: value for name, value in sent.items() if name not in ("content-type", "idempotency-key")}
            target = onward
        raise ToolFailed(f"redirected more than {MAX_REDIRECTS} times, at last to {target.url}")

    async def _send(self, request: FetchRequest) -> FetchResponse:
        target = request.target
        self._hosts.check(target)
        addresses = await self._fetch.addresses(target.host, target.port)
        for address in addresses:
            self._hosts.check_address(target, address)
        for last, address in enumerate(addresses, 1):
            try:
                return await self._fetch.send(request, address)
            except ToolFailed:
                if last == len(addresses):
                    raise
        raise ToolDenied(f"the host {target.host} has no address")


def make(options: HttpOptions, setting: Setting) -> tuple[Tool, ...]:
    return (HttpTool(options, setting.fetch or LazyFetch()),)


def _normal(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    method = arguments.get("method")
    return {**arguments, "method": method.upper()} if isinstance(method, str) else arguments


def _credentials(auth: Auth) -> str:
    if bool(auth.bearer) == (auth.basic is not None):
        raise ConfigError("auth needs either bearer or basic")
    if auth.basic is None:
        return f"Bearer {auth.bearer}"
    return "Basic " + b64encode(f"{auth.basic.user}:{auth.basic.password}".encode()).decode()


def _body(json: Any, body: str | None) -> tuple[bytes | None, str]:
    if json is not None:
        return msgspec.json.encode(json), "application/json"
    if body is not None:
        return body.encode(errors="replace"), "text/plain; charset=utf-8"
    return None, ""


def _parameter(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


BUILTIN = Builtin(HttpOptions, make, shorthand="allow")
