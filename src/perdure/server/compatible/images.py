"""Images as clients send them: a URL, or the data in one."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from perdure.base.errors import RequestError
from perdure.base.messages import Image

_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)
ANY = "image/*"


def image_of(url: str) -> Image:
    """The image that a URL names, or holds (RFC 2397). Raises RequestError."""
    found = _DATA.fullmatch(url)
    if found is not None:
        return inline_image(found[1], found[2])
    if not url.startswith(("https://", "http://")):
        raise RequestError("an image is a URL of https: or data:")
    return Image(ANY, url=url)


def inline_image(media_type: str, data: str) -> Image:
    """The image in base64. Raises RequestError."""
    try:
        return Image(media_type, b64decode(data, validate=True))
    except (Error, ValueError) as error:
        raise RequestError("the data of an image is not base64") from error
