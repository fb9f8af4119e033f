"""A model behind HTTP: a wire format says what the bytes mean, a transport carries them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from perdure.base.errors import BrokenStream, InvalidRequest, ModelError
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse
from perdure.base.traceparent import outgoing

from .transport.port import Incoming, Post, Transport
from .wire.port import Wire
from .wire.sse import SseParser


class HttpModel:
    """Asks one model of one server, once per call: retries and fallbacks are wrappers.

    `name` is the full name that answers carry, `vendor_name` what the server calls the model. `headers` hold the
    credentials; they are sent to `base_url` and nowhere else.
    """

    def __init__(
        self,
        name: str,
        *,
        vendor_name: str,
        wire: Wire,
        transport: Transport,
        base_url: str,
        headers: Mapping[str, str],
        quirks: Any = None,
    ) -> None:
        self.name = name
        self._vendor_name = vendor_name
        self._wire = wire
        self._transport = transport
        self._base_url, _, query = base_url.partition("?")
        self._base_url = self._base_url.rstrip("/")
        self._query = query  # such as Azure's api-version
        self._headers = {"content-type": "application/json", **headers}
        self._quirks = quirks

    async def whole(self, request: ModelRequest) -> ModelResponse:
        answer = await self._transport.post(self._post(request))
        if answer.status >= 300:
            raise self._refusal(answer.status, answer.headers, answer.body)
        return self._named(self._wire.response(answer.body))

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        if not request.stream:
            yield Finished(await self.whole(request))
            return
        async with self._transport.stream(self._post(request)) as incoming:
            if incoming.status >= 300:
                raise self._refusal(incoming.status, incoming.headers, await incoming.read())
            if incoming.headers.get("content-type", "").startswith("application/json"):  # a server that cannot stream
                yield Finished(self._named(self._wire.response(await incoming.read())))
                return
            async for delta in self._deltas(incoming):
                yield delta

    async def _deltas(self, incoming: Incoming) -> AsyncIterator[Delta]:
        parser, decoder = SseParser(), self._wire.decoder()
        async for chunk in incoming.chunks():
            for event, data in parser.feed(chunk):
                for delta in decoder.feed(event, data):
                    if isinstance(delta, Finished):
                        yield Finished(self._named(delta.response))
                        return
                    yield delta
        for delta in decoder.end():
            yield Finished(self._named(delta.response)) if isinstance(delta, Finished) else delta
            if isinstance(delta, Finished):
                return
        raise BrokenStream(f"{self.name} ended its stream without an answer", model=self.name)

    def _post(self, request: ModelRequest) -> Post:
        call = self._wire.request(msgspec.structs.replace(request, model=self._vendor_name), self._quirks)
        url = self._base_url + call.path
        if self._query:
            url += ("&" if "?" in url else "?") + self._query
        headers = {**self._headers, **call.headers} if call.headers else self._headers
        if traced := outgoing():
            headers = {**headers, **traced}
        return Post(url, call.body, headers, request.timeout_ms)

    def _named(self, response: ModelResponse) -> ModelResponse:
        return msgspec.structs.replace(response, model=self.name)

    def _refusal(self, status: int, headers: dict[str, str], body: bytes) -> ModelError:
        if status < 400:
            return InvalidRequest(
                f"{self.name}: the server redirects to {headers.get('location', 'nowhere')}",
                hint="Set base_url to where the model is; credentials are not sent after a redirect.",
                model=self.name,
                status=status,
            )
        error = self._wire.error(status, headers, body)
        error.facts.setdefault("model", self.name)
        return error
