"""Calls of capabilities: to the programs that offer them, over the topics of the project."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.duration import show_duration
from perdure.base.errors import ToolFailed, ToolTimeout
from perdure.base.topic import ADDRESS
from perdure.base.traceparent import OUTGOING
from perdure.bus.capabilities import CLAIMED, call_topic, claim_id, offer_topic, outcome
from perdure.bus.port import Published
from perdure.kernel.classes import NotDone, Unsure
from perdure.tools.capability import Offer

from .topics import REPLIES

if TYPE_CHECKING:
    from .runtime import Runtime

WITHDRAWN = "withdrawn"
LOOKED_AT = 10
"""Offers that are looked at for one that is an offer."""
LATE_MS = 15_000
"""How long an answer is waited for that should have come already: a program whose server was away tries again that
often."""


class Capabilities:
    """A `Broker`: the calls of the runs of a project.

    Every attempt at a call is a request of its own; the answers to all of them go to one topic, and the first counts.
    An attempt that nobody claimed in its time is claimed here: then it is certain that nothing was done.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def offered(self, name: str, version: str) -> Offer | None:
        events = await self._runtime.topics.events(offer_topic(name, version), limit=LOOKED_AT, newest=True)
        for event in reversed(events):
            with contextlib.suppress(msgspec.ValidationError):  # anybody who may publish can say anything
                return msgspec.convert(event.envelope.payload, Offer)
        return None

    async def call(
        self, name: str, version: str, arguments: Mapping[str, Any], *, key: str, sender: str, timeout_ms: int
    ) -> Any:
        topics, answers = self._runtime.topics, _answers(key)
        if known := await topics.events(answers, limit=1):
            return outcome(known[0].envelope.payload)
        hearer = await topics.subscribe(answers, after=0)
        try:
            for attempt in count(1):
                call = _call(key, attempt)
                made = await self._ask(call, name, version, dict(arguments), key, sender, timeout_ms)
                if made.is_new:
                    break
            answer = await topics.within(hearer, timeout_ms)
        finally:
            hearer.close()
        if answer is not None:
            return outcome(answer.envelope.payload)
        late = show_duration(timeout_ms)
        if await self._withdraw(call):
            raise ToolFailed(
                f"nobody who offers {name} {version} took the call within {late}",
                hint="A program that is connected to the server has to offer it.",
                capability=name,
            )
        raise ToolTimeout(f"whoever took the call of {name} did not answer within {late}", capability=name)

    async def find_out(self, name: str, version: str, *, key: str) -> Any:
        topics, answers = self._runtime.topics, _answers(key)
        for attempt in count(1):
            if known := await topics.events(answers, limit=1):
                return outcome(known[0].envelope.payload)
            call = _call(key, attempt)
            if not await self._withdraw(call):
                return await self._late(answers)
            # Whether there was this attempt at all, shows here: it does no harm, as it is withdrawn.
            if (await self._ask(call, name, version, {}, key, "", 1)).is_new:
                return NotDone()
        raise AssertionError("counting has no end")

    async def _late(self, answers: str) -> Any:
        hearer = await self._runtime.topics.subscribe(answers, after=0)
        try:
            answer = await self._runtime.topics.within(hearer, LATE_MS)
        finally:
            hearer.close()
        return Unsure() if answer is None else outcome(answer.envelope.payload)

    async def _ask(
        self, call: str, name: str, version: str, arguments: dict[str, Any], key: str, sender: str, timeout_ms: int
    ) -> Published:
        return await self._runtime.publish(
            call_topic(name, version),
            arguments,
            id=call,
            kind="request",
            sender=sender,
            correlation=key,
            reply_to=f"{ADDRESS}{_answers(key)}",
            expires_in_ms=timeout_ms,
            traceparent=OUTGOING.get(),
            durable=True,
        )

    async def _withdraw(self, call: str) -> bool:
        """Whether nobody has begun with the call: nobody will any more."""
        claim = await self._runtime.publish(CLAIMED, WITHDRAWN, id=claim_id(call), causation=call, durable=True)
        if claim.is_new:
            return True
        stands = await self._runtime.topics.events(CLAIMED, after=claim.seq - 1, limit=1)
        return bool(stands) and (stands[0].seq, stands[0].envelope.payload) == (claim.seq, WITHDRAWN)


def _call(key: str, attempt: int) -> str:
    return f"cap_{key}.{attempt}"


def _answers(key: str) -> str:
    return f"{REPLIES}.cap_{key}"
