"""Serving: a socket that listens, a server on it, and an end in which nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.routing import BaseRoute

from perdure.base.errors import ConfigError

from .access import Access
from .application import application
from .cookie import cookie_of
from .door import is_loopback
from .protocol import Protocol
from .site import Site

BACKLOG = 2_048
KEEP_ALIVE_S = 75
LAST_WORDS_S = 2.0
"""How long requests that were cut off at the end have to say so."""


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it, and says when it is there."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.given_up: socket.socket | None = None
        """The socket on which nobody is to listen any more, in whatever process, once this server has stopped to."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.given_up is not None:
            asyncio.get_running_loop().call_soon(_hang_up, self.given_up)  # behind the closing of its own
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def check_address(host: str, *, auth: str, is_private: bool) -> None:
    """Refuse to let everybody of a network in, or read along unless it `is_private`. Raises ConfigError."""
    if auth == "none" and not is_loopback(host):
        raise ConfigError(
            f"with server.auth: none the server listens on loopback only, not on {host}",
            hint="Leave server.auth at token, or listen on 127.0.0.1.",
        )
    if not is_private and not is_loopback(host):
        raise ConfigError(
            f"on {host} everybody between the server and its clients could read their keys",
            hint="Give --tls-cert and --tls-key (server.tls), or --insecure (server.insecure) behind a proxy with TLS.",
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises ConfigError where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol: asyncio sends at once (TCP_NODELAY) only where a socket says that it is TCP.
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(BACKLOG)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="Is a server running already? Choose another one: --port.",
        ) from error
    return found


def adopt(fd: int) -> socket.socket:
    """A socket that listens already, which another process made. Raises ConfigError for anything else."""
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        raise ConfigError(f"file descriptor {fd} is no socket: {error.strerror}") from error
    if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.close()
        raise ConfigError(f"file descriptor {fd} is a socket that does not listen")
    found.set_inheritable(False)
    return found


def _hang_up(listening: socket.socket) -> None:
    """Turn away who comes from now on, also where another process has the socket open."""
    with contextlib.suppress(OSError):  # not every system lets go of a socket that only listens
        listening.shutdown(socket.SHUT_RDWR)


def url_of(listening: socket.socket, *, is_secure: bool = False) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if is_secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@asynccontextmanager
async def serving(
    site: Site,
    listening: socket.socket,
    *,
    token: str | None,
    tls: ssl.SSLContext | None = None,
    more: Sequence[BaseRoute] = (),
) -> AsyncIterator[Site]:
    """Serve while this is entered. At its end nothing new is accepted, streams end, and requests under way have nearly
    all of the grace period to finish; those that are left are told to ask again. Where the server is to begin anew, who
    comes meanwhile waits for it: the socket stays as it is, and whoever made it hands it on."""
    cookie = cookie_of(listening.getsockname()[1], is_secure=tls is not None)
    access = site.access = Access(site, token=token, cookie=cookie)
    config = uvicorn.Config(
        application(site, more),
        http=Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    config.load()
    config.ssl = tls
    server = _Server(config)
    # The server closes the socket that it is given: it is given one of its own.
    running = asyncio.create_task(server.serve(sockets=[listening.dup()]))
    try:
        await server.ready.wait()
        yield site
    finally:
        site.stop()
        if not site.is_restarting:
            server.given_up = listening
        config.timeout_graceful_shutdown = site.requests_ms / 1000  # type: ignore[assignment]
        server.should_exit = True
        await running
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=LAST_WORDS_S)
        await access.close()
