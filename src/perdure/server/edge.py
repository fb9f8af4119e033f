"""The edge: whatever goes wrong with a request becomes an answer, here and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import traceback
from time import perf_counter
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.base.errors import NoSuchRoute, PerdureError, RequestError, Stopping
from perdure.base.redaction import hide
from perdure.base.traceparent import read_traceparent

from .body import Gone
from .problems import problem, unexpected
from .reply import Reply
from .sending import send_reply
from .site import Site
from .sse import EVENT_STREAM

_log = logging.getLogger("perdure.http")
_GONE = 499
"""What is counted where the client went before it had an answer."""


class Edge:
    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = Reply(status=_GONE)
        status, is_stream, started = 0, False, perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status, is_stream
            if not status:
                status, is_stream = message["status"], EVENT_STREAM in message["headers"]
            await send(message)

        self._site.requests += 1
        try:
            await self._app(scope, receive, sending)
            return
        except Gone:
            return
        except PerdureError as error:
            reply = problem(error)
        except HTTPException as error:  # of routes that others made
            reply = _of_http(error)
        except asyncio.CancelledError:
            if status or not self._site.stopping.is_set():
                raise
            reply = problem(Stopping("the server stops"))
        except Exception:
            self._site.report(hide(traceback.format_exc()))
            reply = unexpected()
        finally:
            seconds = perf_counter() - started
            self._site.traffic.note(scope, status or reply.status, seconds, streamed=is_stream)
            if _log.isEnabledFor(logging.INFO):
                _log.info("request", extra={"fields": _told(scope, status or reply.status, seconds)})
        if not status:  # else the connection is closed in the middle, which says that something is missing
            await send_reply(reply, send)


def _told(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": round(seconds * 1000)}
    said = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
    trace = read_traceparent(said)
    return fields if trace is None else fields | {"trace_id": trace.id}


def _of_http(error: HTTPException) -> Reply:
    if error.status_code == 404:
        return problem(NoSuchRoute(error.detail))
    reply = problem(RequestError(error.detail))
    body = {**reply.body, "status": error.status_code}
    return Reply(body, error.status_code, headers=dict(error.headers or {}), media_type=reply.media_type)
