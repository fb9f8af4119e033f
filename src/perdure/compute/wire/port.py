"""What a wire format is: four pure pieces that know a vendor's JSON and nothing of sockets."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from perdure.base.errors import ModelError
from perdure.base.messages import Delta, ModelRequest, ModelResponse


class HttpCall(msgspec.Struct, frozen=True, gc=False):
    """A POST of JSON. `path` is appended to the provider's base URL; `headers` come on top of the provider's own."""

    path: str
    body: bytes
    headers: dict[str, str] = {}


class StreamDecoder(Protocol):
    """Turns one answer's server-sent events into deltas; holds what it needs to build the whole answer."""

    def feed(self, event: str, data: str) -> list[Delta]:
        """Take one server-sent event (its `event:` name, "" where absent, and its `data:`).

        The last delta of an answer is `Finished`. Raises ModelError where the stream reports an error.
        """
        ...

    def end(self) -> list[Delta]:
        """The connection closed. Returns `Finished` if the format allows an end here, else raises BrokenStream."""
        ...


class Wire(Protocol):
    """One vendor's format. Stateless; `quirks` are the differences of one compatible server."""

    name: str

    def request(self, request: ModelRequest, quirks: Any) -> HttpCall: ...

    def response(self, body: bytes) -> ModelResponse:
        """Decode an answer that came in one piece. Raises InvalidAnswer for anything else than the format."""
        ...

    def decoder(self) -> StreamDecoder: ...

    def error(self, status: int, headers: dict[str, str], body: bytes) -> ModelError:
        """The typed error that an HTTP status of 400 and above means; header names are lower case."""
        ...
