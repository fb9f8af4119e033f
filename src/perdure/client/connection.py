"""`perdure.connect`: a server's topics for a program that runs beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from perdure.base.clock import Clock, SystemClock
from perdure.base.envelope import DEFAULT_PRIORITY, Envelope, answer_to
from perdure.base.errors import InputError, NoAnswer, PerdureError
from perdure.base.ids import Ids
from perdure.base.topic import ADDRESS
from perdure.bus.capabilities import (
    CLAIMED,
    OFFERED,
    call_topic,
    claim_id,
    done,
    failed,
    offer_topic,
    outcome,
)
from perdure.bus.port import Event, Published
from perdure.kernel.topics import QoS
from perdure.tools.capability import Offer

from .capability import Capability, capabilities_of
from .http import Http
from .subscription import Subscription

URL = "http://127.0.0.1:8420"
TOKEN_FILE = Path(".perdure/token")
PATIENCE_MS = 60_000
REPLY_MS = 5_000
WAITING_MS = 3_600_000
"""How old a call may be that was made before anybody offered what it asks for, and waits for that."""


@asynccontextmanager
async def connect(
    url: str = URL,
    *,
    token: str | None = None,
    name: str = "",
    patience_ms: int = PATIENCE_MS,
    clock: Clock | None = None,
) -> AsyncIterator[Connection]:
    """Connect to the server at `url`: `async with perdure.connect(url) as bus: await bus.emit("orders.new", {…})`.

    `token` is the server's, from PERDURE_TOKEN or the file `.perdure/token` where it is not given. `name` is who says
    what is said here. A call is tried again for `patience_ms` while the server is away, and then raises Disconnected;
    subscriptions come back for as long as they are open.
    """
    clock = clock or SystemClock()
    http = Http(url, _token() if token is None else token, clock, patience_ms=patience_ms)
    connection = Connection(http, clock, Ids(clock), name)
    try:
        yield connection
    finally:
        await connection.close()
        await http.close()


def _token() -> str:
    found = os.environ.get("PERDURE_TOKEN", "")
    return TOKEN_FILE.read_text("ascii").strip() if not found and TOKEN_FILE.is_file() else found


class Connection:
    """Made by `connect`."""

    def __init__(self, http: Http, clock: Clock, ids: Ids, name: str) -> None:
        self._http = http
        self._clock = clock
        self._ids = ids
        self._name = name or ids.short()
        self._who = f"{self._name}/{ids.short()}"
        self._open: set[Subscription] = set()
        self._working: set[asyncio.Task[None]] = set()

    async def emit(
        self,
        topic: str,
        payload: Any = None,
        *,
        id: str = "",
        kind: str = "event",
        thread: str = "",
        correlation: str = "",
        causation: str = "",
        reply_to: str = "",
        hops: int = 0,
        priority: int = DEFAULT_PRIORITY,
        expires_in_ms: int | None = None,
        traceparent: str = "",
        tracestate: str = "",
        durable: bool | None = None,
    ) -> Published:
        """Publish an event; see `Topics.publish`. However often this has to be sent, it is published once."""
        said: dict[str, Any] = {
            "payload": payload,
            "id": id or self._ids.new("evt"),
            "kind": kind,
            "name": self._name,
            "thread": thread,
            "correlation": correlation,
            "causation": causation,
            "reply_to": reply_to,
            "hops": hops,
            "priority": priority,
            "expires_in_ms": expires_in_ms,
            "traceparent": traceparent,
            "tracestate": tracestate,
            "durable": durable,
        }
        return msgspec.convert(await self._http.call("POST", f"/bus/{quote(topic, safe='')}", said), Published)

    async def request(
        self, topic: str, payload: Any = None, *, timeout_ms: int = REPLY_MS, thread: str = "", **more: Any
    ) -> Envelope:
        """Publish a request, and wait for the first answer. Raises NoAnswer when the time is up. Both are kept by the
        server: that it restarts meanwhile costs nothing but time. `more` is for `emit`."""
        id = self._ids.new("evt")
        answers = f"reply.{id}"
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                more = {"correlation": id, "expires_in_ms": timeout_ms, **more}
                reply_to = f"{ADDRESS}{answers}"
                await self.emit(topic, payload, id=id, kind="request", reply_to=reply_to, thread=thread, **more)
                async with Subscription(self._http, self._clock, answers, {"after": 0}) as heard:
                    async for event in heard:
                        return event.envelope
        except TimeoutError as error:
            raise NoAnswer(f"nobody answered on {topic} within {timeout_ms} ms", topic=topic) from error
        raise NoAnswer(f"the answers to {topic} ended", topic=topic)

    async def reply(self, to: Event | Envelope, payload: Any = None, *, kind: str = "reply") -> Published:
        """Answer a request, once: in its thread, with its correlation. Raises InputError for what asks nothing."""
        asked = to.envelope if isinstance(to, Event) else to
        topic, fields = answer_to(asked)
        return await self.emit(topic, payload, id=f"{asked.id}/reply/{self._name}", kind=kind, **fields)

    async def subscribe(
        self,
        pattern: str,
        *,
        consumer: str = "",
        after: int | None = None,
        since_ms: int | None = None,
        qos: QoS = "batched",
    ) -> Subscription:
        """Hear events of these topics: from now on, or first those behind the seq `after` or from the time `since_ms`
        on, or as a named `consumer` those behind what it acknowledged: `async for event in await bus.subscribe("a.>")`.
        The server knows of it when this returns."""
        query = {"after": after, "since_ms": since_ms, "qos": qos}
        made = Subscription(self._http, self._clock, pattern, query, consumer=consumer)
        self._open.add(made)
        await made.ready()
        return made

    # -- capabilities -------------------------------------------------------------------------------------------------

    async def tool(self, name: str, payload: Any = None, *, version: str = "1.0", timeout_ms: int = REPLY_MS) -> Any:
        """Call a capability by its name: what one of those that offer it makes of `payload`, its arguments. Raises
        NoAnswer where none does in time (whether it was done is not known then), and the error that it came to."""
        answer = await self.request(call_topic(name, version), payload or {}, timeout_ms=timeout_ms)
        return outcome(answer.payload)

    async def offer(self, *found: object) -> None:
        """Offer capabilities (marked functions, or objects with marked methods) for as long as this is connected. Calls
        that wait for one of them are done, too."""
        for one in [each for item in found for each in capabilities_of(item)]:
            calls = await self.subscribe(one.topic, since_ms=max(0, self._clock.now() - WAITING_MS))
            self._beside(self._answer(one, calls))
            announced = msgspec.structs.replace(one.offer, provider=self._name)
            await self.emit(offer_topic(announced.name, announced.version), msgspec.to_builtins(announced))

    async def capabilities(self) -> list[Offer]:
        """What was offered lately, each by whoever offered it last."""
        events = await self._http.call("GET", f"/bus/{OFFERED}.%3E?newest=true&limit=1000")
        offers = [msgspec.convert(event["envelope"]["payload"], Offer) for event in events]
        latest = {(offer.name, offer.version, offer.provider): offer for offer in offers}
        return sorted(latest.values(), key=lambda offer: (offer.name, offer.version, offer.provider))

    async def _answer(self, one: Capability, calls: Subscription) -> None:
        async for call in calls:
            if call.envelope.kind == "request":
                self._beside(self._do(one, call.envelope))

    async def _do(self, one: Capability, call: Envelope) -> None:
        """Do a call, where this is the one of all who offer it that does."""
        if not await self._claim(call):
            return
        try:
            answer = done(await one.call(call.payload, key=call.correlation or call.id))
        except PerdureError as error:
            answer = failed(error)
        try:
            await self.reply(call, answer)
        except InputError as error:  # the answer is none that an event can hold
            await self.reply(call, failed(error))

    async def _claim(self, call: Envelope) -> bool:
        claimed = await self.emit(CLAIMED, self._who, id=claim_id(call.id), causation=call.id)
        if claimed.is_new:
            return True
        # Sent twice, as the first answer was lost on its way? Then the claim that stands is ours.
        (event,) = await self._http.call("GET", f"/bus/{CLAIMED}?after={claimed.seq - 1}&limit=1")
        return bool(event["envelope"]["payload"] == self._who and event["seq"] == claimed.seq)

    def _beside(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """End subscriptions and offers."""
        for subscription in self._open:
            await subscription.close()
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
