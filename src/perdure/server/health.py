"""`/healthz` and `/readyz`, open to everybody: is the process alive, and can it take work?"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.errors import StoreError

from .endpoint import Call, Endpoint
from .reply import Reply


class Health(msgspec.Struct, frozen=True):
    """`status` is ok, stopping, or unavailable; `reason` says why."""

    status: str
    reason: str = ""


async def healthz(call: Call[Any, Any]) -> Health:
    return Health("ok")


async def readyz(call: Call[Any, Any]) -> Reply:
    if call.site.stopping.is_set():
        return Reply(Health("stopping"), 503, headers={"retry-after": "1"})
    try:
        await call.runtime.store.load_run("")
    except StoreError as error:
        return Reply(Health("unavailable", error.code), 503, headers={"retry-after": "1"})
    return Reply(Health("ok"))


ENDPOINTS = (
    Endpoint("GET", "/healthz", healthz, answer=Health, is_open=True),
    Endpoint("GET", "/readyz", readyz, answer=Health, is_open=True),
)
