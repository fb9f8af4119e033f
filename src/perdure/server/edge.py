"""The edge: whatever goes wrong with a request becomes an answer, here and nowhere else."""

from __future__ import annotations

import asyncio
import traceback
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.base.errors import NoSuchRoute, PerdureError, RequestError, Stopping

from .body import Gone
from .problems import problem, unexpected
from .reply import Reply
from .sending import send_reply
from .site import Site
from .sse import EVENT_STREAM

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
            self._site.report(traceback.format_exc())
            reply = unexpected()
        finally:
            self._site.traffic.note(scope, status or reply.status, perf_counter() - started, streamed=is_stream)
        if not status:  # else the connection is closed in the middle, which says that something is missing
            await send_reply(reply, send)


def _of_http(error: HTTPException) -> Reply:
    if error.status_code == 404:
        return problem(NoSuchRoute(error.detail))
    reply = problem(RequestError(error.detail))
    body = {**reply.body, "status": error.status_code}
    return Reply(body, error.status_code, headers=dict(error.headers or {}), media_type=reply.media_type)
