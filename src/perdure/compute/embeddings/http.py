"""Embeddings of OpenAI, and of every server that is compatible with it: `POST /embeddings`.

Format: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from perdure.base.codec import to_json
from perdure.base.errors import InvalidAnswer
from perdure.base.usage import Usage

from ..transport.port import Post, Transport
from ..wire.openai_chat.errors import decode_error
from .port import Embedded


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None


class HttpEmbedder:
    """Asks one model of one server. `headers` hold the credentials, `vendor_name` is the model's name there."""

    def __init__(
        self, name: str, *, vendor_name: str, transport: Transport, base_url: str, headers: Mapping[str, str]
    ) -> None:
        self.name = name
        self._vendor_name = vendor_name
        self._transport = transport
        address, _, query = base_url.partition("?")
        self._url = f"{address.rstrip('/')}/embeddings" + (f"?{query}" if query else "")
        self._headers = {"content-type": "application/json", **headers}

    async def embed(self, texts: Sequence[str], *, dimensions: int | None, timeout_ms: int) -> Embedded:
        asked: dict[str, object] = {"model": self._vendor_name, "input": list(texts), "encoding_format": "float"}
        if dimensions is not None:
            asked["dimensions"] = dimensions
        answer = await self._transport.post(Post(self._url, to_json(asked), self._headers, timeout_ms))
        if answer.status >= 300:
            raise decode_error(answer.status, answer.headers, answer.body)
        try:
            told = msgspec.json.decode(answer.body, type=_Answer)
        except msgspec.DecodeError as error:
            raise InvalidAnswer(f"{self.name}: {error}", model=self.name) from error
        vectors = {one.index: one.embedding for one in told.data}
        if sorted(vectors) != list(range(len(texts))):
            raise InvalidAnswer(f"{self.name} gave {len(told.data)} vectors for {len(texts)} texts", model=self.name)
        usage = None if told.usage is None else Usage(told.usage.prompt_tokens)
        return Embedded([vectors[index] for index in range(len(texts))], usage)
