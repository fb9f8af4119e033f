"""How many tokens a request will have, guessed before the call and corrected by what the provider then reports."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from perdure.base.codec import to_json
from perdure.base.messages import (
    Audio,
    File,
    Image,
    Media,
    ModelRequest,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

BYTES_PER_TOKEN = 3.6
"""English prose has about 4.5, JSON and code about 3.3; a guess that is a little high keeps budgets safe."""

PER_MESSAGE = 4
PER_TOOL = 12
PER_IMAGE = 1_100
PER_FILE = 2_000

_LEAST, _MOST, _WEIGHT = 1.5, 8.0, 0.3


class Ratio(msgspec.Struct, frozen=True):
    """Bytes of UTF-8 text per token of one model, as learnt from `samples` calls."""

    bytes_per_token: float = BYTES_PER_TOKEN
    samples: int = 0

    @property
    def correction(self) -> float:
        """What to multiply an estimate at the usual ratio with."""
        return BYTES_PER_TOKEN / self.bytes_per_token


DEFAULT_RATIO = Ratio()


def estimate(request: ModelRequest, ratio: Ratio = DEFAULT_RATIO) -> int:
    """The input tokens of `request`, at least one."""
    size, fixed = _weigh(request)
    return max(1, round(size / ratio.bytes_per_token) + fixed)


def estimate_parts(parts: Iterable[Part], ratio: Ratio = DEFAULT_RATIO) -> int:
    """The tokens of parts alone, such as an answer's."""
    size, fixed = _weigh_parts(parts)
    return max(1, round(size / ratio.bytes_per_token) + fixed)


def learn(ratio: Ratio, request: ModelRequest, input_tokens: int) -> Ratio:
    """The ratio after a call of `request` for which the provider reported `input_tokens` (cached ones included).

    An exponential average, bounded so that one odd report cannot make estimates absurd. The first report counts in
    full; requests of a few words say little and change nothing.
    """
    size, fixed = _weigh(request)
    tokens = input_tokens - fixed
    if size < 200 or tokens <= 0:
        return ratio
    seen = min(max(size / tokens, _LEAST), _MOST)
    weight = _WEIGHT if ratio.samples else 1.0
    return Ratio(ratio.bytes_per_token + weight * (seen - ratio.bytes_per_token), ratio.samples + 1)


def _weigh(request: ModelRequest) -> tuple[int, int]:
    """Bytes of text, and tokens that do not depend on text."""
    size, fixed = _size(request.system), PER_MESSAGE
    for message in request.messages:
        more, tokens = _weigh_parts(message.parts)
        size += more
        fixed += tokens + PER_MESSAGE
    for tool in request.tools:
        size += _size(tool.name) + _size(tool.description) + len(to_json(tool.parameters))
        fixed += PER_TOOL
    if request.output_schema is not None:
        size += len(to_json(request.output_schema))
    return size, fixed


def _weigh_parts(parts: Iterable[Part]) -> tuple[int, int]:
    size = fixed = 0
    for part in parts:
        match part:
            case Text() | Thinking():
                size += _size(part.text)
            case ToolCall():
                size += _size(part.name)
                size += _size(part.arguments) if isinstance(part.arguments, str) else len(to_json(part.arguments))
            case ToolResult():
                more, tokens = _weigh_parts(part.parts)
                size += more
                fixed += tokens
            case Image():
                fixed += PER_IMAGE
            case Audio() | File():
                fixed += _media(part)
            case Opaque():
                size += len(to_json(part.data))
    return size, fixed


def _media(part: Media) -> int:
    """Sound and documents grow with their size, but not as text does: about one token for 40 bytes of them."""
    return max(PER_FILE, len(part.data) // 40)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
