"""The edge: whatever goes wrong with a request becomes an answer, here and nowhere else."""

from __future__ import annotations

import asyncio
import traceback

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.base.errors import NoSuchRoute, PerdureError, RequestError, Stopping

from .body import Gone
from .problems import problem, unexpected
from .reply import Reply
from .sending import send_reply
from .site import Site


class Edge:
    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False

        async def sending(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        self._site.requests += 1
        try:
            return await self._app(scope, receive, sending)
        except Gone:
            return None
        except PerdureError as error:
            reply = problem(error)
        except HTTPException as error:  # of routes that others made
            reply = _of_http(error)
        except asyncio.CancelledError:
            if is_begun or not self._site.stopping.is_set():
                raise
            reply = problem(Stopping("the server stops"))
        except Exception:
            self._site.report(traceback.format_exc())
            reply = unexpected()
        if not is_begun:  # else the connection is closed in the middle, which says that something is missing
            await send_reply(reply, send)
        return None


def _of_http(error: HTTPException) -> Reply:
    if error.status_code == 404:
        return problem(NoSuchRoute(error.detail))
    reply = problem(RequestError(error.detail))
    body = {**reply.body, "status": error.status_code}
    return Reply(body, error.status_code, headers=dict(error.headers or {}), media_type=reply.media_type)
