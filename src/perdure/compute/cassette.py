"""A cassette: the answers that models gave in one run, each with a mark of the question, as a fixture for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from perdure.base.codec import digest
from perdure.base.errors import ConfigError, InvalidRequest
from perdure.base.messages import Message, ModelRequest, ModelResponse, Text, ToolResult

VERSION = 1
_SHOWN = 400


class Turn(msgspec.Struct, frozen=True):
    """One answer. The question is known by the assistant's messages before it (`turn`), and by what was said since the
    last of them: its digest, and its text for people."""

    turn: int
    asked: str
    says: str
    answer: ModelResponse


class Cassette(msgspec.Struct, frozen=True, kw_only=True):
    cassette: int = VERSION
    run: str = ""
    agent: str = ""
    model: str = ""
    turns: tuple[Turn, ...] = ()


def turn_of(request: ModelRequest, answer: ModelResponse) -> Turn:
    """An answer, ready to be recognized by its question."""
    last = _latest(request)
    return Turn(_count(request), digest(last), _text(last), answer)


def write_cassette(cassette: Cassette) -> bytes:
    """The cassette as JSON, laid out for people to read and edit."""
    return msgspec.json.format(msgspec.json.encode(cassette), indent=2) + b"\n"


def read_cassette(path: Path) -> Cassette:
    """Raises ConfigError where the file is not a cassette that this version can read."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Cassette)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", file=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a cassette: {error}", hint=_HINT, file=str(path)) from error
    if found.cassette != VERSION:
        raise ConfigError(f"{path}: a cassette of version {found.cassette}", hint=_HINT, file=str(path))
    return found


class Playback:
    """Answers requests from a cassette. Says the same however often and in whatever process it is asked."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette

    def __call__(self, request: ModelRequest) -> ModelResponse:
        last, number = _latest(request), _count(request)
        there = [turn for turn in self._cassette.turns if turn.turn == number]
        asked = digest(last)
        for turn in there:
            if turn.asked == asked:
                return turn.answer
        if not there:
            raise InvalidRequest(
                f"the cassette has no answer after {number} of the assistant's", hint=_HINT, asked=_text(last)
            )
        raise InvalidRequest(
            f"the cassette was recorded with another question in turn {number + 1}:"
            f" recorded {there[0].says!r}, asked {_text(last)!r}",
            hint=_HINT,
            recorded=there[0].says,
            asked=_text(last),
        )


_HINT = "Record it anew: `perdure export-cassette RUN`."


def _count(request: ModelRequest) -> int:
    return sum(message.role == "assistant" for message in request.messages)


def _latest(request: ModelRequest) -> Sequence[Message]:
    """What was said since the assistant spoke last."""
    places = (place for place in range(len(request.messages), 0, -1) if request.messages[place - 1].role == "assistant")
    return request.messages[next(places, 0) :]


def _text(messages: Sequence[Message]) -> str:
    text = " / ".join(_words(message) for message in messages)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _words(message: Message) -> str:
    said = []
    for part in message.parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolResult):
            said.append("".join(one.text for one in part.parts if isinstance(one, Text)))
        else:
            said.append(f"[{type(part).__name__.lower()}]")
    return " ".join(said)
