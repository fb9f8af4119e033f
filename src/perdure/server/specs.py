"""`/specs`: the agents and flows that the project publishes, files that are wrong included."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.control.publishing import Published

from .endpoint import Call, Endpoint


class Specs(msgspec.Struct, frozen=True):
    items: list[Published]


async def specs(call: Call[Any, Any]) -> Specs:
    return Specs([*call.runtime.shelf.all(), *call.runtime.flows.all()])


ENDPOINTS = (Endpoint("GET", "/specs", specs, scope="read", answer=Specs),)
