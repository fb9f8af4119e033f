"""Images, audio and files as vendors take them."""

from __future__ import annotations

from binascii import b2a_base64

from perdure.base.errors import InvalidRequest
from perdure.base.messages import Media


def base64_text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def media_url(media: Media) -> str:
    """Its URL, or its data as a `data:` URL (RFC 2397)."""
    if media.data:
        return f"data:{media.media_type};base64,{base64_text(media.data)}"
    return media.url


def unsupported(media: Media, provider: str) -> InvalidRequest:
    """The error for media that this format has no place for."""
    source = "data" if media.data else "a URL"
    return InvalidRequest(
        f"{provider} takes no {type(media).__name__.lower()} of type {media.media_type} given as {source}",
        hint="Send it in a form that the provider documents, or use a model that takes it.",
        media_type=media.media_type,
    )
