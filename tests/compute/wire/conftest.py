"""Plays recorded answers, whole or streamed, through a wire format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from perdure.base.messages import Delta, Finished, ModelResponse
from perdure.compute.wire.port import HttpCall, Wire
from perdure.compute.wire.sse import SseParser

RECORDED = Path(__file__).parent / "recorded"

Recorded: TypeAlias = Callable[[str], bytes]
Play: TypeAlias = Callable[[Wire, bytes], list[Delta]]
Fold: TypeAlias = Callable[[Wire, bytes], ModelResponse]
Body: TypeAlias = Callable[[HttpCall], dict[str, Any]]


@pytest.fixture
def recorded() -> Recorded:
    return lambda path: (RECORDED / path).read_bytes()


def _play(wire: Wire, stream: bytes) -> list[Delta]:
    parser, decoder = SseParser(), wire.decoder()
    deltas = [delta for event, data in parser.feed(stream) for delta in decoder.feed(event, data)]
    return deltas + decoder.end()


@pytest.fixture
def play() -> Play:
    """All deltas of a recorded stream."""
    return _play


@pytest.fixture
def fold() -> Fold:
    """The whole answer that a recorded stream ends with."""

    def last(wire: Wire, stream: bytes) -> ModelResponse:
        deltas = _play(wire, stream)
        assert [type(delta) for delta in deltas].count(Finished) == 1
        assert isinstance(deltas[-1], Finished)
        return deltas[-1].response

    return last


@pytest.fixture
def body() -> Body:
    """The JSON that a call carries."""
    return lambda call: msgspec.json.decode(call.body)
