"""The way from the threads of libfuse to the event loop, and back with the answer."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Timeout
from typing import Any, TypeVar

from perdure.base.errors import PerdureError

from .numbers import number_of

T = TypeVar("T")
LOOK_S = 0.1
"""How often a thread that waits looks whether its reader was interrupted."""


class Bridge:
    """Runs coroutines on `loop` for other threads. `interrupted` tells a thread whether whom it works for has gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interrupted: Callable[[], bool]) -> None:
        self._loop = loop
        self._interrupted = interrupted
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; errors come as an OSError."""
        with self._lock:
            if self._closed:
                work.close()
                raise _failed(errno.ENOTCONN)
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._waiting.add(future)
        try:
            return self._wait(future)
        except CancelledError as error:
            raise _failed(errno.EINTR) from error
        except PerdureError as error:
            raise _failed(number_of(error)) from error
        finally:
            with self._lock:
                self._waiting.discard(future)

    def close(self) -> None:
        """Let nobody wait any longer, from now on."""
        with self._lock:
            self._closed = True
            for future in self._waiting:
                future.cancel()

    def _wait(self, future: Future[T]) -> T:
        while True:
            try:
                return future.result(LOOK_S)
            except Timeout:
                if future.done():
                    raise  # the work itself took too long
                if self._interrupted():
                    future.cancel()


def _failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))
