"""A whole answer told piece by piece, for models that have it all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perdure.base.codec import to_json
from perdure.base.messages import (
    Delta,
    Finished,
    ModelResponse,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
)

_WORD = re.compile(r"\s*\S+\s*|\s+")


def deltas_of(response: ModelResponse) -> Iterator[Delta]:
    """Words of text and thinking, tool calls with their arguments in two pieces, and `Finished` last."""
    index = 0
    for part in response.parts:
        if isinstance(part, Text):
            yield from (TextDelta(word) for word in _WORD.findall(part.text))
        elif isinstance(part, Thinking):
            yield from (ThinkingDelta(word) for word in _WORD.findall(part.text))
        elif isinstance(part, ToolCall):
            written = part.arguments if isinstance(part.arguments, str) else to_json(part.arguments).decode()
            half = len(written) // 2
            yield ToolCallDelta(index, part.id, part.name, written[:half])
            yield ToolCallDelta(index, arguments=written[half:])
            index += 1
    yield Finished(response)
